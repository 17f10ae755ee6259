"""Questions about requests to erase: who looks at a trace asks for it, and an admin erases or refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope

LONGEST: Final = 1000
"""Characters of a reason."""


class ErasureRequests(Question[list[dict[str, Any]]], frozen=True):
    """Every request to erase a trace, the open ones first: number, trace, reason, who asked, and what became of it.

    For admins: a reason may tell what was in the trace.
    """

    path: ClassVar[str] = "/v1/erasures"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "requests"


class AskErasure(Question[dict[str, Any]], frozen=True):
    """Ask that a trace be erased; nothing is erased before an admin says so. The answer is the number of the request.

    Where one for the same trace is open, the answer is that one, and `new` is false.
    """

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/erasures"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    id: str
    reason: str

    def check(self) -> None:
        _explained(self.reason)

    def about(self, hidden: Callable[[str], str]) -> str:
        return f"trace {hidden(self.id)}"


class GrantErasure(Question[dict[str, Any]], frozen=True):
    """Erase the trace that a request is about, from every file; it cannot be undone. The answer is what was removed."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/erasures/grant"
    scope: ClassVar[Scope] = "admin"
    job: ClassVar[bool] = True

    number: int

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"erasure request {self.number}"

    def outcome(self, answer: dict[str, Any]) -> dict[str, Any]:
        return answer


class RefuseErasure(Question[dict[str, Any]], frozen=True):
    """Refuse a request to erase, with a reason; the trace stays."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/erasures/refuse"
    scope: ClassVar[Scope] = "admin"
    quiet: ClassVar[bool] = True

    number: int
    reason: str

    def check(self) -> None:
        _explained(self.reason)

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"erasure request {self.number}"


def _explained(reason: str) -> None:
    if not reason.strip() or len(reason) > LONGEST:
        raise UsageError(f"a reason has at least one word and at most {LONGEST} characters")


OF_ERASURES: Final = (ErasureRequests, AskErasure, GrantErasure, RefuseErasure)
"""In the order of the table of questions."""
