"""Questions about findings: what the false-alarm budget buys, and what a person says of a change that was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope

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


OF_FINDINGS: Final = (DriftLedger, AcceptFinding, ReopenFinding)
"""In the order of the table of questions."""
