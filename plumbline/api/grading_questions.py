"""Questions about what is graded: why a turn is not, grade it now, draw a sample again, grade what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope


class WhyUngraded(Question[dict[str, Any]], frozen=True):
    """What the sampling plans drew of a turn, and which rules have no verdict on it, each with why."""

    path: ClassVar[str] = "/v1/grading/why/{id:path}"

    id: str


class Judges(Question[list[dict[str, Any]]], frozen=True):
    """The judges of the house: what each has taken of its budget today, what waits for it, and what is wrong with it."""

    path: ClassVar[str] = "/v1/judges"
    under: ClassVar[str] = "judges"


class JudgeCards(Question[list[dict[str, Any]]], frozen=True):
    """What the judges of the house are worth under each rule by the labels of people, and which of them may decide."""

    path: ClassVar[str] = "/v1/judges/cards"
    under: ClassVar[str] = "cards"


class JudgedRates(Question[list[dict[str, Any]]], frozen=True):
    """How often rules that judges decide were broken in the last four weeks, by application: long enough for labels to correct a judge."""

    path: ClassVar[str] = "/v1/judges/rates"
    under: ClassVar[str] = "rates"


class GradeNow(Question[dict[str, Any]], frozen=True):
    """Grade one turn by the policies in force; the answer says how many verdicts that gave and which rules it violates."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/grading/now"
    scope: ClassVar[Scope] = "operate"
    quiet: ClassVar[bool] = True

    id: str

    def about(self, hidden: Callable[[str], str]) -> str:
        return hidden(self.id)


class Redraw(Question[dict[str, Any]], frozen=True):
    """The samples of a time drawn again by the plans that were in force, beside those that were stored."""

    path: ClassVar[str] = "/v1/grading/redraw"

    start: datetime
    end: datetime

    def check(self) -> None:
        in_order(self.start, self.end)


class BackfillCost(Question[dict[str, Any]], frozen=True):
    """What grading the missing verdicts of a time would take: turns, rules, verdicts, seconds, calls of judges."""

    path: ClassVar[str] = "/v1/grading/cost"

    start: datetime
    end: datetime
    rules: str = ""
    again: bool = False

    def check(self) -> None:
        in_order(self.start, self.end)


class Backfill(Question[dict[str, Any]], frozen=True):
    """Grade the picked turns of a time that lack a verdict of `rules` (comma-joined; none: all in force), or `again` all of them."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/grading/backfill"
    scope: ClassVar[Scope] = "operate"
    job: ClassVar[bool] = True

    start: datetime
    end: datetime
    rules: str = ""
    again: bool = False

    def check(self) -> None:
        in_order(self.start, self.end)

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}, {self.rules or 'all rules'}"


def in_order(start: datetime, end: datetime) -> None:
    """Raise `UsageError` for times without a zone, or in the wrong order."""
    if start.tzinfo is None or end.tzinfo is None:
        raise UsageError("times need a zone, such as 2026-11-01T00:00:00Z")
    if start >= end:
        raise UsageError("the time ends before it begins")


OF_GRADING = (WhyUngraded, Judges, JudgeCards, JudgedRates, GradeNow, Redraw, BackfillCost, Backfill)
"""In the order of the table of questions."""
