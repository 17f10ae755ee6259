"""The cascade: every rule in scope asks its graders from left to right until one finds a violation.

A violation is decisive; "found nothing" is not, since each grader sees only its own part of a rule. What is unknown stays
unknown: one grader that cannot judge keeps the rule from passing. Nothing that a grader or a text does ends a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from monitor.graders.grader import NO_OUTPUT, Grader, Judgement, kind_of, output_of, version_of
from monitor.model.values import Grade, Turn, Verdict, stable_id


class Rule(Protocol):
    """What the cascade asks of a rule."""

    @property
    def id(self) -> str: ...
    @property
    def asked(self) -> Sequence[Grader]: ...
    def excuse(self, turn: Turn) -> str | None:
        """Return why `turn` may do what the rule forbids, or None."""


class RuleSet(Protocol):
    """What the cascade asks of a policy."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def rules(self) -> Sequence[Rule]: ...
    def grades(self, app: str) -> bool:
        """Return whether the policy is in force, or in shadow, for `app`."""


FAILED: Final = Judgement(Verdict.NOT_GRADED, None, "the turn failed before it had an output")

_RANK: Final = {
    Verdict.VIOLATES: 0,
    Verdict.BORDERLINE: 1,
    Verdict.NOT_GRADED: 2,
    Verdict.CANNOT_JUDGE: 3,
    Verdict.COMPLIES: 4,
}
"""Of several words on one turn the first here stands: a rule is kept only when every grader says so."""


@dataclass(frozen=True)
class _Bench:
    """One rule with its graders made ready: what is the same for every turn is worked out once."""

    policy: RuleSet
    rule: Rule
    kinds: tuple[str, ...]
    versions: tuple[str, ...]

    def grade(self, turn: Turn, now: datetime) -> Grade:
        judgement, asked = judge(self.rule.asked, turn)
        excuse = self.rule.excuse(turn) if judgement.verdict is Verdict.VIOLATES else None
        if excuse:
            judgement = Judgement(Verdict.COMPLIES, judgement.score, f"{excuse}; {judgement.reason}")
        first = asked - 1 if judgement.verdict is Verdict.VIOLATES else 0
        return Grade(
            unit_id=turn.unit_id,
            time=turn.time,
            rule_id=self.rule.id,
            verdict=judgement.verdict,
            score=judgement.score,
            reason=judgement.reason,
            grader="+".join(self.kinds[first:asked]),
            grader_version=stable_id(*self.versions[first:asked]),
            policy=self.policy.id,
            policy_version=self.policy.version,
            policy_hash=self.policy.hash,
            graded_at=now,
        )


def grade_turns(policies: Sequence[RuleSet], turns: Sequence[Turn], now: datetime) -> list[Grade]:
    """Return one grade a turn and rule, of all policies in force (or in shadow) whose scope holds the turn's app.

    A rule without any grader that runs here gives no grade. A grader that raises gives `not_graded` with the error's name.
    """
    benches = [
        _Bench(policy, rule, tuple(map(kind_of, rule.asked)), tuple(map(version_of, rule.asked)))
        for policy in policies
        for rule in policy.rules
        if rule.asked
    ]
    return [bench.grade(turn, now) for turn in turns for bench in benches if bench.policy.grades(turn.app)]


def judge(graders: Sequence[Grader], turn: Turn) -> tuple[Judgement, int]:
    """Ask `graders` about `turn`; return the word that stands and how many of them were asked."""
    if output_of(turn) is None:
        return (FAILED if turn.error_type else NO_OUTPUT), len(graders)
    said: list[Judgement] = []
    for grader in graders:
        said.append(_ask(grader, turn))
        if said[-1].verdict is Verdict.VIOLATES:
            break
    return min(said, key=lambda judgement: _RANK[judgement.verdict]), len(said)


def _ask(grader: Grader, turn: Turn) -> Judgement:
    try:
        return grader.grade(turn)
    except Exception as error:  # noqa: BLE001 a broken grader must not end the batch; its message may quote the text
        return Judgement(Verdict.NOT_GRADED, None, f"error: {type(error).__name__}")
