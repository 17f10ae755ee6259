"""Questions about notes: what people write beside a finding or a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope

Noted = Literal["finding", "trace"]
LONGEST: Final = 4000
"""Characters of one note."""


class Notes(Question[list[dict[str, Any]]], frozen=True):
    """The notes on a finding or a trace, oldest first."""

    path: ClassVar[str] = "/v1/notes/{id:path}"
    under: ClassVar[str] = "notes"

    id: str


class AddNote(Question[dict[str, Any]], frozen=True):
    """Write a note on a finding or a trace; the answer is the note."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/notes"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    id: str
    text: str

    def check(self) -> None:
        if not self.text.strip() or len(self.text) > LONGEST:
            raise UsageError(f"a note has at least one word and at most {LONGEST} characters")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.id


class RemoveNote(Question[dict[str, Any]], frozen=True):
    """Take a note away, by its number."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/notes/remove"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    number: int

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"note {self.number}"


OF_NOTES: Final = (Notes, AddNote, RemoveNote)
"""In the order of the table of questions."""
