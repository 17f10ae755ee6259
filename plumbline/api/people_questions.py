"""Questions about people, and about the record of what they did."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope, Shape

Role = Literal["viewer", "reviewer", "operator", "policy owner", "admin"]
PERSON: Final = re.compile(r"[\w.@-]{1,64}")


class People(Question[list[dict[str, Any]]], frozen=True):
    """Who may ask this agent, in which role, and who has left."""

    path: ClassVar[str] = "/v1/people"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "people"


class AddPerson(Question[str], frozen=True):
    """Let somebody in; the answer is the key of that person, told this once."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "key"

    name: str
    role: Role

    def check(self) -> None:
        if not PERSON.fullmatch(self.name):
            raise UsageError(f"{self.name!r} is no name for a person (letters, digits and . _ @ -, at most 64)")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"{self.name} as {self.role}"


class RevokePerson(Question[dict[str, str]], frozen=True):
    """End what somebody may do, from the next call on."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people/revoke"
    scope: ClassVar[Scope] = "admin"

    name: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class Audit(Question[dict[str, Any]], frozen=True):
    """Every act, oldest first: at, actor, act, object, reason, hash."""

    path: ClassVar[str] = "/v1/audit"
    scope: ClassVar[Scope] = "admin"
    shape: ClassVar[Shape] = "table"


class VerifyAudit(Question[dict[str, Any]], frozen=True):
    """Whether the chain of the audit holds: acts, hash of the last one, and a line for each problem."""

    path: ClassVar[str] = "/v1/audit/verify"
    scope: ClassVar[Scope] = "admin"
