"""Questions about findings: what the false-alarm budget buys, and what a person says of a change that was found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from monitor.model.dimensions import REPORTED
from plumbline.api.question import Method, Question, Scope, Shape

LONGEST: Final = 500
"""Characters of a reason."""


class DriftLedger(Question[dict[str, Any]], frozen=True):
    """What was raised, how many false findings to expect, every stream with the smallest change it shows, and what is not watched."""

    path: ClassVar[str] = "/v1/drift/ledger"


class AcceptFinding(Question[dict[str, Any]], frozen=True):
    """Call a change that was found the new normal: its streams are compared with what they are now, its alert closes."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/findings/accept"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    id: str
    reason: str

    def check(self) -> None:
        if not self.reason.strip() or len(self.reason) > LONGEST:
            raise UsageError(f"a reason has at least one word and at most {LONGEST} characters")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.id


class ReopenFinding(AcceptFinding, frozen=True):
    """Take an acceptance back: the change is open again, and measured against what was before it."""

    path: ClassVar[str] = "/v1/findings/reopen"


class WindowReport(Question[str], frozen=True):
    """The side-by-side report of two stretches of time as HTML; `segment` is "all" or COLUMN=VALUE of an app."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/drift/report"
    shape: ClassVar[Shape] = "file"

    start: datetime
    end: datetime
    against_start: datetime
    against_end: datetime
    app: str | None = None
    segment: str = "all"

    def check(self) -> None:
        pairs = ((self.start, self.end), (self.against_start, self.against_end))
        if any(start.tzinfo is None or end.tzinfo is None or start >= end for start, end in pairs):
            raise UsageError("each window goes from an instant with a time zone to a later one")
        column = self.segment.partition("=")[0]
        if self.segment != "all" and (self.app is None or column not in REPORTED):
            raise UsageError(f"a segment is COLUMN=VALUE of one app, with one of {', '.join(REPORTED)}")


OF_FINDINGS: Final = (DriftLedger, WindowReport, AcceptFinding, ReopenFinding)
"""In the order of the table of questions."""
