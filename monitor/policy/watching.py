"""What a policy wants to be told of: each rule's limits held against what was graded, and how loud that is.

A level says how a rule stands in an app: `case` (a violation under zero tolerance), `incident`, `warn`, `within`, or `unsure`
between an alarm and its end. Limits are held by evidence that may be looked at every cycle (`monitor.stats.cusum`), inside
a budget of false alarms for the whole house. Not a rate with an interval: that is `monitor.estimates`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from monitor.counted import Counted
from monitor.model.values import Concern, Severity
from monitor.policy.schema import BoundRule, Policy, Thresholds
from monitor.stats.cusum import HEADROOM, RISES, Bet, Floats, bets, evidence

Level = Literal["case", "incident", "warn", "within", "unsure", "retired"]
"""`retired`: no active policy holds the rule any more (it is in shadow, retired, or gone)."""

PAGES: Final = 1.0
TICKETS: Final = 5.0
"""False alarms of a whole house in 30 days, were every one of its rates exactly at its limit: critical ones, and the others."""

PERIOD: Final = timedelta(days=30)
LEAST_PACE: Final = 3_000.0
"""Answers a period that a stream is taken to have at the least: a quiet day must not loosen its limits."""

CALM: Final = 1.0
"""Evidence below which a rate counts as good again."""

UNSAID: Final = Thresholds(warn_rate=0.02, incident_rate=0.10)
"""The limits of a rule that names none."""


@dataclass(frozen=True)
class Watched:
    """One rule of an active policy, and the policy it is of."""

    policy: Policy
    rule: BoundRule

    @property
    def limits(self) -> Mapping[Level, float]:
        """Rates that are held against, the graver first."""
        return _limits(self.rule.text.thresholds)

    def severity(self, level: Level) -> Severity:
        """Return how loud `level` is: a warning is never louder than that, an advisory rule never above info."""
        if self.rule.text.authority == "advisory":
            return Severity.INFO
        own = self.rule.severity
        return Severity.WARNING if level == "warn" and own in (Severity.CRITICAL, Severity.ERROR) else own

    def concern(self, level: Level) -> Concern:
        """Return what an alert at `level` says of the rule."""
        text, incident = self.rule.text, self.rule.text.incident
        return Concern(
            title=text.title,
            severity=self.severity(level),
            advisory=text.authority == "advisory",
            owner=self.policy.owner,
            category=incident.category if incident else "",
            page=(incident.page or "") if incident else "",
            playbook=(incident.playbook or "") if incident else "",
        )


@lru_cache
def _limits(said: Thresholds) -> Mapping[Level, float]:
    named = said if said != Thresholds() else UNSAID
    rates: dict[Level, float | None] = {"incident": named.incident_rate, "warn": named.warn_rate}
    return MappingProxyType({level: rate for level, rate in rates.items() if rate})


def watched(policies: Iterable[Policy], today: date) -> dict[str, Watched]:
    """Return the rules that may alert, by id: those of active policies that have taken effect by `today`."""
    return {rule.id: Watched(policy, rule) for policy in policies if policy.tells(today) for rule in policy.rules}


def zero_tolerance(rules: Mapping[str, Watched]) -> list[str]:
    """Return the rules of which one case is one too many."""
    return [rule_id for rule_id, one in rules.items() if one.rule.text.thresholds.zero_tolerance]


def levels(
    counts: Iterable[Counted], cases: Collection[tuple[str, str]], rules: Mapping[str, Watched], span: timedelta
) -> dict[tuple[str, str], Level]:
    """Return the level of each app and rule of `rules` that has answers in `counts`, which are over `span` in all, or a case.

    `cases`: apps and rules of violations that stand under zero tolerance.
    """
    streams = [_Stream(one, rules[one.rule_id]) for one in counts if one.rule_id in rules]
    answers = _answers(streams, PERIOD / span)
    named: dict[tuple[str, str], Level] = {(s.counted.app, s.counted.rule_id): s.level(answers) for s in streams}
    return named | dict.fromkeys((pair for pair in cases if pair[1] in rules), "case")


@dataclass(frozen=True)
class _Stream:
    """The answers of one app under one rule, and the rule."""

    counted: Counted
    watched: Watched

    @cached_property
    def weights(self) -> Floats:
        """What an answer of each bucket weighs: the more often such were looked at, the less; 1 at the most."""
        rarest = np.fmin.reduce(self.counted.probability)  # of those that are known
        weights: Floats = np.nan_to_num(rarest / self.counted.probability, nan=1.0)
        return weights

    def level(self, answers: Mapping[bool, float]) -> Level:
        """Return how the rule stands when a rate at its limit may be told falsely once in so many answers, by `pages`."""
        if self.counted.spotless:  # good answers take evidence away
            return "within"
        strengths = {
            level: self._strength(rate, answers[self.pages(level)]) for level, rate in self.watched.limits.items()
        }
        beyond: Level | None = next((level for level, strength in strengths.items() if strength >= 1), None)
        return beyond or ("unsure" if any(strengths.values()) else "within")

    def pages(self, level: Level) -> bool:
        """Whether an alarm at `level` wakes somebody."""
        return self.watched.severity(level) is Severity.CRITICAL

    def _strength(self, limit: float, answers: float) -> float:
        """Return 0 while all evidence is calm, 1 once one has reached its threshold."""
        return max(self._of(bet, bet.threshold(answers)) for bet in bets(limit))

    def _of(self, bet: Bet, threshold: float) -> float:
        held = evidence(bet.gains(self.counted.n, self.counted.bad, self.weights), threshold + HEADROOM)
        return 0.0 if held <= CALM else min(1.0, held / threshold)


def _answers(streams: Sequence[_Stream], periods: float) -> dict[bool, float]:
    """Return, for alarms that page and for the others, in how many answers one may be false.

    That many false alarms as the budget holds are expected of all answers of a period to all bets on them.
    """
    total = {True: LEAST_PACE, False: LEAST_PACE}
    for stream in streams:
        pace = max(LEAST_PACE, stream.counted.sums[0] * periods)
        for level in stream.watched.limits:
            total[stream.pages(level)] += pace * len(RISES)
    return {True: total[True] / PAGES, False: total[False] / TICKETS}
