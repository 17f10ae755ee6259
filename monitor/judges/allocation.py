"""How many answers of each stratum a judge is asked about, where its budget is smaller than what there is (Neyman 1934).

Where verdicts vary more a call tells more: a stratum gets calls in proportion to its answers times the standard deviation of their
verdicts, and none more than it has answers. Answers are then drawn by these rates (`monitor.judge_draws`), so that every inclusion
probability is known and nothing waits for a judge that can never get to it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, TypeVar

from monitor.config.schema import JudgeSettings
from monitor.judges.naming import NEVER

Name = TypeVar("Name")

STEPS: Final = 4
"""Steps in which a rate halves: rates move in such steps, so that a plan does not change with every count."""


LEAST: Final = 0.25
"""The standard deviation that a stratum is taken to have at the least, as a share of the mean of all: one that never showed a violation
goes on being looked at, and none weighs so much in a rate that one verdict moves it far."""


@dataclass(frozen=True)
class StratumCounts:
    """The answers of a day, and what a judge has said of such lately: so many of `judged` violate."""

    answers: float
    bad: int = 0
    judged: int = 0

    @property
    def spread(self) -> float:
        """The standard deviation of a verdict; one where nobody knows it is as large as it can be."""
        rate = (self.bad + 1) / (self.judged + 2)
        return math.sqrt(rate * (1 - rate))


def allocated(calls: float, strata: Mapping[Name, StratumCounts]) -> dict[Name, float]:
    """Return the rate of each stratum at which at most `calls` answers are asked about in all; 1 where all of it is.

    >>> allocated(300, {"a": StratumCounts(1000, 50, 100), "b": StratumCounts(1000, 1, 100)})
    {'a': 0.21022410381342863, 'b': 0.0625}
    """
    rates: dict[Name, float] = {}
    left = {name: one for name, one in strata.items() if one.answers > 0}
    spread = _spreads(left)
    while left:
        weight = sum(one.answers * spread[name] for name, one in left.items())
        share = {name: calls * spread[name] / weight for name in left}
        whole = [name for name in left if share[name] >= 1]
        if not whole:
            return rates | {name: _step(rate) for name, rate in share.items()}
        for name in whole:
            rates[name] = 1.0
            calls -= left.pop(name).answers
    return rates


def _spreads(strata: Mapping[Name, StratumCounts]) -> dict[Name, float]:
    whole = sum(one.answers for one in strata.values())
    mean = sum(one.answers * one.spread for one in strata.values()) / whole if strata else 0.0
    return {name: max(one.spread, LEAST * mean) for name, one in strata.items()}


def calls_for(rules: Mapping[str, AbstractSet[str]], judges: Mapping[str, JudgeSettings]) -> dict[str, float]:
    """Return how many answers a day each rule may have judged by all of its judges, which share their budgets among their rules evenly.

    A part of each budget is left for known items, and a rule that has a budget of its own has no more than that.
    """
    busy = Counter(name for names in rules.values() for name in names)
    return {rule: min(_calls(judges[name], rule, busy[name]) for name in names) for rule, names in rules.items()}


def _calls(judge: JudgeSettings, rule: str, rules: int) -> float:
    kept = 0.0 if judge.canary.notice_within == NEVER else judge.canary.at_most
    whole = judge.budget.calls_per_day * (1 - kept)
    return min(whole / rules, judge.budget.rules.get(rule, whole) * (1 - kept))


def _step(rate: float) -> float:
    """The next step at or below a rate; 0 stays 0."""
    return 2.0 ** (math.floor(STEPS * math.log2(rate)) / STEPS) if rate > 0 else 0.0
