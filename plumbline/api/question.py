"""What a question to the agent is: its parameters are its fields, and the class says how it travels and who may ask it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from monitor.errors import PlumblineError, UsageError

A_co = TypeVar("A_co", covariant=True)
Scope = Literal["read", "operate", "review", "govern", "admin", "ingest"]
Method = Literal["GET", "POST"]
Shape = Literal["json", "table", "file"]


class Question(msgspec.Struct, Generic[A_co], frozen=True, forbid_unknown_fields=True):
    """One question: its fields are the parameters, `A_co` is the answer as plain values.

    `under` is the key a JSON answer stands under, `rest` the field that takes every parameter of a query that has no
    field of its own. A `job` answers with an id at once and works in the background. A `quiet` question is not written
    into the audit by itself: what answers it does that, knowing more. `refused` is what a client raises
    when the agent says that the question is wrong.
    """

    method: ClassVar[Method] = "GET"
    path: ClassVar[str]
    scope: ClassVar[Scope] = "read"
    shape: ClassVar[Shape] = "json"
    under: ClassVar[str] = ""
    rest: ClassVar[str] = ""
    job: ClassVar[bool] = False
    quiet: ClassVar[bool] = False
    refused: ClassVar[type[PlumblineError]] = UsageError

    def check(self) -> None:
        """Raise `UsageError` where the fields do not go together."""

    def about(self, _hidden: Callable[[str], str]) -> str:
        """Return what the audit says it acts on; an id goes through `_hidden`, since the audit outlives an erasure."""
        return ""

    def outcome(self, answer: Any) -> dict[str, Any] | None:
        """Return what the audit says came of it, where that is not seen as a change of the control state (`people.looks`).

        The numbers of an answer, unless a question says more: a text may be a secret, or somebody's.
        """
        if not isinstance(answer, dict):
            return None
        return {name: value for name, value in answer.items() if isinstance(value, int | float)} or None


def name_of(question: type[Question[Any]]) -> str:
    """Return what a question is called where classes are not known, such as `explain`."""
    return question.__name__.lower()
