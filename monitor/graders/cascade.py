"""The cascade: every rule in scope asks its graders from left to right until one finds a violation.

A violation is decisive; "found nothing" is not, since each grader sees only its own part of a rule. What is unknown stays
unknown: one grader that cannot judge keeps the rule from passing. Nothing that a grader or a text does ends a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, Protocol, runtime_checkable

import polars as pl

from monitor.clock import naive_utc
from monitor.graders.answers import Answers, output_of
from monitor.graders.grader import NO_OUTPUT, Grader, Judgement, Runner, Tools, WithoutOutput, kind_of, version_of
from monitor.graders.standing import escalated, stands
from monitor.health import Guarding
from monitor.model.values import Turn, Unit, Verdict, stable_id


class GradedRule(Protocol):
    """What the cascade asks of a rule."""

    @property
    def id(self) -> str: ...
    @property
    def asked(self) -> Sequence[Grader]: ...
    def excuse(self, turn: Turn) -> str | None:
        """Return why `turn` may do what the rule forbids, or None."""


@runtime_checkable
class Regional(Protocol):
    """A rule that asks more of turns of some regions."""

    @property
    def regions(self) -> Sequence[str]: ...
    @property
    def everyone(self) -> Sequence[Grader]: ...
    def asked_in(self, region: str | None) -> Sequence[Grader]:
        """Return the graders of turns of `region`."""


@runtime_checkable
class OfUnit(Protocol):
    """A rule that says what it is about; one that does not is about turns."""

    @property
    def unit(self) -> Unit: ...


class RuleSet(Protocol):
    """What the cascade asks of a policy."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def rules(self) -> Sequence[GradedRule]: ...
    def grades(self, app: str) -> bool:
        """Return whether the policy is in force, or in shadow, for `app`."""


@runtime_checkable
class Scoped(Protocol):
    """A policy that holds for some turns of an app only."""

    def covers(self, turn: Turn) -> bool:
        """Return whether `turn` lies within its scope, apart from the app."""


FAILED: Final = Judgement(Verdict.NOT_GRADED, None, "the turn failed before it had an output")

_RANK: Final = {
    Verdict.VIOLATES: 0,
    Verdict.BORDERLINE: 1,
    Verdict.NOT_GRADED: 2,
    Verdict.CANNOT_JUDGE: 3,
    Verdict.COMPLIES: 4,
}
"""Of several words on one turn the first here stands: a rule is kept only when every grader says so."""

GRADES: Final[dict[str, Any]] = {
    "unit_id": pl.String,
    "time": pl.Datetime("us"),
    **dict.fromkeys(("rule_id", "verdict"), pl.String),
    "score": pl.Float64,
    **dict.fromkeys(("reason", "grader", "grader_version", "policy", "policy_version", "policy_hash"), pl.String),
    "graded_at": pl.Datetime("us"),
    **dict.fromkeys(("found_from", "found_to"), pl.Int64),
    "unit": pl.String,
}
"""Columns of grades (`monitor.model.values.Grade`); times are UTC without a zone, as the store keeps them."""


def graders_of(policies: Sequence[RuleSet]) -> Callable[[str, str], str]:
    """Return which version of graders makes a metric of an app; "" for what no rule in force grades."""

    @cache
    def version(metric: str, app: str) -> str:
        rules = [rule for policy in policies if policy.grades(app) for rule in policy.rules]
        asked = [version_of(grader) for rule in rules if f"rule:{rule.id}" == metric for grader in _everyone(rule)]
        return stable_id(*asked) if asked else ""

    return version


@dataclass(frozen=True)
class Asked:
    """The word that stands on one turn, and how many graders were asked for it."""

    judgement: Judgement
    graders: int


def grade_turns(
    policies: Sequence[RuleSet], turns: Sequence[Turn], tools: Tools, guard: Guarding = nullcontext
) -> pl.DataFrame:
    """Return one grade a turn and rule (columns `GRADES`), of all policies in force (or in shadow) for the turn's app.

    A rule without any grader that runs here gives no grade. A grader that raises gives `not_graded` with the error's name;
    a rule that cannot be asked at all fails within `guard`, and the others are graded.
    """
    answers = Answers(turns)
    frames = [pl.DataFrame(schema=GRADES)]
    for policy in policies:
        held = _by_unit(answers.pick(_within(policy, turns)))
        for rule in (rule for rule in policy.rules if _everyone(rule) and unit_of(rule) in held):
            part = held[unit_of(rule)].drawn_for(rule.id)
            with guard(f"rule {rule.id}"):
                frames += [_Bench(policy, rule, graders, tools).grade(of) for graders, of in _by_region(rule, part)]
    return pl.concat(frames)


def unit_of(rule: GradedRule) -> Unit:
    """Return what one verdict of a rule is about."""
    return rule.unit if isinstance(rule, OfUnit) else "turn"


def _by_unit(answers: Answers) -> dict[Unit, Answers]:
    """Return the answers by what they are, as far as there are any."""
    rows: dict[Unit, list[int]] = {}
    for row, turn in enumerate(answers.turns):
        rows.setdefault(turn.unit, []).append(row)
    return {unit: answers.pick(picked) for unit, picked in rows.items()}


def _everyone(rule: GradedRule) -> Sequence[Grader]:
    return rule.everyone if isinstance(rule, Regional) else rule.asked


def _by_region(rule: GradedRule, answers: Answers) -> Iterator[tuple[Sequence[Grader], Answers]]:
    """Yield graders and the answers they are asked about; where no grader is asked there is no grade."""
    if not isinstance(rule, Regional) or not rule.regions:
        yield rule.asked, answers
        return
    rows: dict[str | None, list[int]] = {}
    for row, turn in enumerate(answers.turns):
        rows.setdefault(turn.region if turn.region in rule.regions else None, []).append(row)
    parts = ((rule.asked_in(region), answers.pick(picked)) for region, picked in rows.items())
    yield from ((graders, part) for graders, part in parts if graders)


def _within(policy: RuleSet, turns: Sequence[Turn]) -> list[int]:
    """Return which of `turns` the policy holds for."""
    apps = {app for app in {turn.app for turn in turns} if policy.grades(app)}
    covers = policy.covers if isinstance(policy, Scoped) else lambda _: True
    return [row for row, turn in enumerate(turns) if turn.app in apps and covers(turn)]


def judge(graders: Sequence[Grader], turns: Sequence[Turn], tools: Tools) -> list[Asked]:
    """Ask `graders` about `turns`; return for each the word that stands."""
    return _judge([grader.runner(tools) for grader in graders], Answers(turns))


def _judge(runners: Sequence[Runner], answers: Answers) -> list[Asked]:
    said = [Asked(NO_OUTPUT if turn.error_type is None else FAILED, len(runners)) for turn in answers.turns]
    spoken = [row for row, turn in enumerate(answers.turns) if output_of(turn) is not None]
    mute = [row for row, turn in enumerate(answers.turns) if output_of(turn) is None]
    for number, runner in enumerate(runners, 1):
        rows = sorted(spoken + mute) if isinstance(runner, WithoutOutput) else spoken
        for row, judgement in zip(rows, _ask(runner, answers.pick(rows)), strict=True):
            stands = judgement if number == 1 else _worse(said[row].judgement, judgement)
            said[row] = Asked(stands, number)
        spoken, mute = ([row for row in part if not _found(said[row])] for part in (spoken, mute))
    return said


def _found(asked: Asked) -> bool:
    return asked.judgement.verdict is Verdict.VIOLATES


def _worse(one: Judgement, other: Judgement) -> Judgement:
    return other if _RANK[other.verdict] < _RANK[one.verdict] else one


def _ask(runner: Runner, answers: Answers) -> Sequence[Judgement]:
    """A batch that cannot be judged as a whole is judged one by one, so that one text spoils one verdict."""
    if not answers.turns:
        return []
    try:
        return runner.judge(answers)
    except Exception as error:  # noqa: BLE001 a broken grader must not end the batch; its message may quote the text
        if len(answers.turns) == 1:
            return [Judgement(Verdict.NOT_GRADED, None, f"error: {type(error).__name__}")]
        return [_ask(runner, answers.pick([row]))[0] for row in range(len(answers.turns))]


@dataclass(frozen=True)
class _Bench:
    """One rule of one policy with its graders made ready: what is the same for every turn is worked out once."""

    policy: RuleSet
    rule: GradedRule
    graders: Sequence[Grader]
    tools: Tools

    def grade(self, answers: Answers) -> pl.DataFrame:
        """Return one grade an answer."""
        asked = _judge([grader.runner(self.tools) for grader in self.graders], answers)
        words = [
            escalated(stands(self.rule, one.judgement, turn), turn.app, self.graders, self.tools)
            for one, turn in zip(asked, answers.turns, strict=True)
        ]
        makers = [self._maker(one.graders, word) for one, word in zip(asked, words, strict=True)]
        columns: dict[str, list[Any]] = {
            "unit_id": [turn.unit_id for turn in answers.turns],
            "time": [naive_utc(turn.time) for turn in answers.turns],
            "verdict": [word.verdict.value for word in words],
            "score": [word.score for word in words],
            "reason": [word.reason for word in words],
            "found_from": [word.span[0] if word.span else None for word in words],
            "found_to": [word.span[1] if word.span else None for word in words],
            "unit": [turn.unit for turn in answers.turns],
            "grader": [maker[0] for maker in makers],
            "grader_version": [maker[1] for maker in makers],
        }
        columns |= {name: [value] * len(words) for name, value in self._same()}
        return pl.DataFrame([pl.Series(name, columns[name], kind) for name, kind in GRADES.items()])

    def _maker(self, asked: int, word: Judgement) -> tuple[str, str]:
        """Return names and version of who decided: the grader that found the violation, or all that agree there is none."""
        return self._makers[asked - 1 if word.verdict is Verdict.VIOLATES else 0, asked]

    @cached_property
    def _makers(self) -> dict[tuple[int, int], tuple[str, str]]:
        kinds, versions = ([name(grader) for grader in self.graders] for name in (kind_of, version_of))
        ends = range(1, len(kinds) + 1)
        spans = {(first, end) for end in ends for first in (0, end - 1)}
        return {(a, b): ("+".join(kinds[a:b]), stable_id(*versions[a:b])) for a, b in spans}

    def _same(self) -> Iterator[tuple[str, Any]]:
        yield "rule_id", self.rule.id
        yield from (
            ("policy", self.policy.id),
            ("policy_version", self.policy.version),
            ("policy_hash", self.policy.hash),
        )
        yield "graded_at", naive_utc(self.tools.clock.now())
