"""The examples of a policy as tests: each is graded, and what its label says has to come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Literal

from monitor.clock import Clock
from monitor.graders.cascade import judge
from monitor.graders.grader import Tools
from monitor.graders.rubric import Judge
from monitor.policy.cases import Example
from monitor.policy.checks import as_written
from monitor.policy.schema import BoundRule, Policy

Outcome = Literal["passed", "failed", "open"]
"""`open`: nothing that runs here can decide it, as with borderline examples, and with what only a judge would find."""


@dataclass(frozen=True)
class Tried:
    """What came of one example. `reason` is the graders' own."""

    policy: str
    rule_id: str
    example: str
    label: str
    verdict: str
    outcome: Outcome
    reason: str


def try_examples(policies: Iterable[Policy], clock: Clock) -> Iterator[Tried]:
    """Yield what comes of every example of every rule."""
    for policy in policies:
        for rule in policy.rules:
            yield from (_try(policy, rule, example, Tools(clock)) for example in rule.text.examples)


def tried_today(policy: Policy, clock: Clock) -> tuple[Tried, ...]:
    """Return what comes of the examples of `policy`, tried once a day: pages ask again and again, and the file is the same."""
    return _tried(_Day(policy.path, policy.hash, clock.now().date(), policy, clock))


@dataclass(frozen=True)
class _Day:
    """A policy on a day, which is what its file, the hash of that, and the day say."""

    path: str
    hash: str
    date: date
    policy: Policy = field(compare=False)
    clock: Clock = field(compare=False)


@lru_cache(maxsize=64)
def _tried(day: _Day) -> tuple[Tried, ...]:
    return tuple(try_examples([day.policy], day.clock))


def _try(policy: Policy, rule: BoundRule, example: Example, tools: Tools) -> Tried:
    local = tuple(grader for grader in rule.asked if not isinstance(grader, Judge))
    if not local:
        return Tried(policy.id, rule.id, example.id, example.label, "not_graded", "open", "no grader that runs here")
    said = judge(as_written(local, example), [example.turn()], tools)[0].judgement
    outcome = _outcome(example.label, said.verdict, alone=local == rule.asked == rule.text.graders)
    return Tried(policy.id, rule.id, example.id, example.label, said.verdict, outcome, said.reason)


def _outcome(label: str, verdict: str, *, alone: bool) -> Outcome:
    if label == "borderline":
        return "open"
    if label == verdict:
        return "passed"
    if verdict == "violates" or alone:
        return "failed"
    return "open"  # a judge may yet find it


def untested(policies: Iterable[Policy], tried: Iterable[Tried]) -> list[str]:
    """Return the rules of which no example shows that anything finds a violation."""
    found = {one.rule_id for one in tried if one.label == one.verdict == "violates"}
    return [rule.id for policy in policies for rule in policy.rules if rule.id not in found]


def only_judged(policies: Iterable[Policy]) -> list[str]:
    """Return the rules that nothing but a judge could decide."""
    rules = (rule for policy in policies for rule in policy.rules)
    return [rule.id for rule in rules if rule.text.graders and all(isinstance(g, Judge) for g in rule.text.graders)]
