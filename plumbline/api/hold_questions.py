"""Questions about legal holds: evidence that is removed neither by erasure nor by retention."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope

HeldKind = Literal["user", "session", "trace", "app"]
LONGEST: Final = 1000


class Holds(Question[list[dict[str, Any]]], frozen=True):
    """Every hold, also those that were released: number, kind, owner, reason, until, who made and who released it."""

    path: ClassVar[str] = "/v1/holds"
    under: ClassVar[str] = "holds"


class AddHold(Question[dict[str, Any]], frozen=True):
    """Keep everything of one user, session, trace or app, whatever is erased and however old it is, until it is released."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/holds"
    scope: ClassVar[Scope] = "admin"
    quiet: ClassVar[bool] = True

    kind: HeldKind
    id: str
    owner: str
    reason: str
    until: datetime

    def check(self) -> None:
        if not self.id:
            raise UsageError(f"which {self.kind}? the id is empty")
        if not self.reason.strip() or len(self.reason) > LONGEST:
            raise UsageError(f"a hold has a reason, of at most {LONGEST} characters")
        if self.until.tzinfo is None:
            raise UsageError("until must be an instant with a time zone")

    def about(self, hidden: Callable[[str], str]) -> str:
        return f"{self.kind} {hidden(self.id)}"


class ReleaseHold(Question[dict[str, Any]], frozen=True):
    """Let go of what a hold kept; what is too old goes with the next run of retention."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/holds/release"
    scope: ClassVar[Scope] = "admin"
    quiet: ClassVar[bool] = True

    number: int

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"hold {self.number}"


OF_HOLDS: Final = (Holds, AddHold, ReleaseHold)
"""In the order of the table of questions."""
