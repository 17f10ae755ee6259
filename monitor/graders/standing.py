"""What a grader's word comes to under its rule: the threshold and exceptions count, doubt goes on to the judge, places are those of the answer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from monitor.graders.grader import Grader, Judgement, Tools
from monitor.graders.rubric import Judge
from monitor.model.values import WAITS_FOR_JUDGE, Turn, Verdict


class Excusing(Protocol):
    """A rule with exceptions."""

    def excuse(self, turn: Turn) -> str | None:
        """Return why `turn` may do what the rule forbids, or None."""


@runtime_checkable
class Hesitant(Protocol):
    """A rule that does not take every violation for one."""

    def flagged(self, score: float | None) -> bool:
        """Return whether a violation with `score` counts as one; else it is borderline."""


def escalated(word: Judgement, app: str, graders: Sequence[Grader], tools: Tools) -> Judgement:
    """Return the word on a turn of `app`; what local graders are not sure of waits for the judge among `graders`, where one is connected.

    It keeps their score, which tells it from answers in which they found nothing.
    """
    if word.verdict is not Verdict.BORDERLINE:
        return word
    asked = (tools.judges.word(one.judge, app) for one in graders if isinstance(one, Judge))
    waits = next((reason for reason in asked if reason.startswith(WAITS_FOR_JUDGE)), None)
    return word if waits is None else Judgement(Verdict.NOT_GRADED, 0.5 if word.score is None else word.score, waits)


def stands(rule: Excusing, judgement: Judgement, turn: Turn) -> Judgement:
    """Return what a grader's word comes to under `rule`: its threshold and exceptions count, and places are those of the answer."""
    return _placed(_held(rule, judgement, turn), turn)


def _held(rule: Excusing, judgement: Judgement, turn: Turn) -> Judgement:
    if judgement.verdict is not Verdict.VIOLATES:
        return judgement
    if isinstance(rule, Hesitant) and not rule.flagged(judgement.score):
        doubt = f"score {judgement.score:.2f} is too low for a violation; {judgement.reason}"
        return replace(judgement, verdict=Verdict.BORDERLINE, reason=doubt)
    if (excuse := rule.excuse(turn)) is None:
        return judgement
    return replace(judgement, verdict=Verdict.COMPLIES, reason=f"{excuse}; {judgement.reason}")


def _placed(judgement: Judgement, turn: Turn) -> Judgement:
    """Say in which of several answers something was found, and where in the answer that was the last."""
    if judgement.span is None or not turn.begins:
        return judgement
    number = bisect_right(turn.begins, judgement.span[0])
    where = f"{judgement.reason}, in answer {number} of {len(turn.begins)}"
    if number < len(turn.begins):
        return replace(judgement, reason=where, span=None)
    first, last = (place - turn.begins[-1] for place in judgement.span)
    return replace(judgement, reason=where, span=(first, last))
