"""What a grader is and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import msgspec

from monitor.config.schema import Section
from monitor.model.values import Turn, Verdict, stable_id


@dataclass(frozen=True)
class Judgement:
    """One grader's word on one turn. `score` in [0, 1] is its belief that the rule is violated, not how bad that is.

    `reason` is stored and shown: it names kind, place and amount of what was found, never the found text itself.
    """

    verdict: Verdict
    score: float | None
    reason: str


class Grader(Protocol):
    """A frozen value whose fields are its settings. `grade` never changes anything and never needs to be called twice."""

    code: ClassVar[int]
    """Raised whenever the same settings may give another verdict than before."""

    def grade(self, turn: Turn) -> Judgement:
        """Judge the output of `turn`; with no output to look at the answer is `cannot_judge`, never `complies`."""


class Settings(Section, frozen=True, tag_field="use", omit_defaults=True):
    """Base of all graders: a block of a policy file whose `use` names the family.

    Settings left at their default do not count into a version: a newer Plumbline with one more setting judges as before.
    """


HIDDEN: Final = frozenset({"__REDACTED__"})
"""What instrumentations write in place of a text that they were told to hide."""

NO_OUTPUT: Final = Judgement(
    Verdict.CANNOT_JUDGE, None, "no output was captured; switch content capture on to grade it"
)


def output_of(turn: Turn) -> str | None:
    """Return what the user saw, or None when it was not captured."""
    return None if turn.output_text is None or turn.output_text in HIDDEN else turn.output_text


def complies(reason: str, score: float = 0.0) -> Judgement:
    """Return the verdict of a grader that looked and found nothing."""
    return Judgement(Verdict.COMPLIES, score, reason)


def violates(reason: str, score: float = 1.0) -> Judgement:
    """Return the verdict of a grader that found what the rule forbids, or misses what it asks for."""
    return Judgement(Verdict.VIOLATES, score, reason)


def kind_of(grader: Grader) -> str:
    """Return the name under which policies know the family of `grader`."""
    return str(msgspec.to_builtins(grader)["use"])


def version_of(grader: Grader) -> str:
    """Return 16 hex digits that change whenever `grader` might judge differently: by its settings or by its code."""
    return stable_id(msgspec.json.encode(grader, order="deterministic").decode(), grader.code)
