"""Questions about incidents: open one from an alert, follow it, close it, take its bundle along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope


class Incidents(Question[list[dict[str, Any]]], frozen=True):
    """Every incident, oldest first: number, title, severity, owner, playbook, when it was opened and closed, users and turns."""

    path: ClassVar[str] = "/v1/incidents"
    under: ClassVar[str] = "incidents"


class Incident(Question[dict[str, Any]], frozen=True):
    """One incident with its alerts as sentences, its timeline and its playbook."""

    path: ClassVar[str] = "/v1/incidents/show"

    number: int


class ExportIncident(Question[dict[str, str]], frozen=True):
    """The bundle of an incident: the text of each file by its name, with the SHA-256 sums of them."""

    path: ClassVar[str] = "/v1/incidents/export"

    number: int


class _OnIncident(Question[dict[str, Any]], frozen=True):
    """An act; the answer names the incident and says what was done."""

    method: ClassVar[Method] = "POST"
    scope: ClassVar[Scope] = "operate"
    quiet: ClassVar[bool] = True


class OpenIncident(_OnIncident, frozen=True):
    """Open an incident about the alert whose fingerprint begins with `fingerprint`; what is empty follows from the alert.

    `weighed` is harm, reach and reversibility, 1 to 3 each, as in "3,2,1".
    """

    path: ClassVar[str] = "/v1/incidents"

    fingerprint: str
    title: str = ""
    owner: str = ""
    playbook: str = ""
    weighed: str = ""

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.fingerprint

    def check(self) -> None:
        self.weights()

    def weights(self) -> list[int]:
        """Return the three weights, or none of them. Raises `UsageError`."""
        parts = [part.strip() for part in self.weighed.split(",")] if self.weighed else []
        if parts and (len(parts) != 3 or any(part not in {"1", "2", "3"} for part in parts)):
            raise UsageError("harm, reach and reversibility are 1 to 3 each, as in 3,2,1")
        return [int(part) for part in parts]


class NoteIncident(_OnIncident, frozen=True):
    """Write a note, a task, or what was done, into the timeline of an incident."""

    path: ClassVar[str] = "/v1/incidents/note"

    number: int
    text: str
    kind: Literal["note", "task", "done"] = "note"

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"incident {self.number}"


class CloseIncident(_OnIncident, frozen=True):
    """Close an incident with what was learnt."""

    path: ClassVar[str] = "/v1/incidents/close"

    number: int
    review: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"incident {self.number}"


OF_INCIDENTS: Final = (Incidents, Incident, ExportIncident, OpenIncident, NoteIncident, CloseIncident)
