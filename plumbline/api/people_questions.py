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
    apps: tuple[str, ...] | None = None

    def check(self) -> None:
        if not PERSON.fullmatch(self.name):
            raise UsageError(f"{self.name!r} is no name for a person (letters, digits and . _ @ -, at most 64)")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"{self.name} as {self.role}" + ("" if self.apps is None else f", texts of {', '.join(self.apps)}")


class RevokePerson(Question[dict[str, str]], frozen=True):
    """End what somebody may do, from the next call on."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people/revoke"
    scope: ClassVar[Scope] = "admin"

    name: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class AddKey(Question[str], frozen=True):
    """Make another key of somebody, which may do no more than `scopes` (none named: all that the person may)."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people/key"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "key"

    name: str
    scopes: tuple[Scope, ...] | None = None

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name + ("" if self.scopes is None else f" for {', '.join(self.scopes)}")


class AddSenderKey(Question[str], frozen=True):
    """Make a key that brings data in at the collector's doors and does nothing else; the answer is the key, told this once."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/keys"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "key"

    name: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class RemoveSenderKey(Question[None], frozen=True):
    """Close the collector's doors to whoever holds a key."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/keys/remove"
    scope: ClassVar[Scope] = "admin"

    name: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class SignPersonOut(Question[dict[str, int]], frozen=True):
    """End every session of somebody, who may sign in again."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people/sign-out"
    scope: ClassVar[Scope] = "admin"

    name: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class SetPassword(Question[dict[str, str]], frozen=True):
    """Let somebody sign in to the dashboard by a password; sessions of before end."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people/password"
    scope: ClassVar[Scope] = "admin"

    name: str
    password: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class SignInWays(Question[dict[str, bool]], frozen=True):
    """How people may sign in to the dashboard."""

    path: ClassVar[str] = "/v1/sign-in"


class SignInByPassword(Question[dict[str, str]], frozen=True):
    """Return a new session for a name and its password; the dashboard asks for whoever stands before it."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/sign-in/password"
    scope: ClassVar[Scope] = "admin"
    quiet: ClassVar[bool] = True

    name: str
    password: str


class BeginSignIn(Question[dict[str, str]], frozen=True):
    """Where the browser goes to be signed in by the provider, and the state it comes back with."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/sign-in/begin"
    scope: ClassVar[Scope] = "admin"
    quiet: ClassVar[bool] = True


class FinishSignIn(Question[dict[str, str]], frozen=True):
    """Return a new session for whom the provider names, once for each sign-in that was begun."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/sign-in/finish"
    scope: ClassVar[Scope] = "admin"
    quiet: ClassVar[bool] = True

    state: str
    code: str


class Me(Question[dict[str, Any]], frozen=True):
    """Who asks: name, role, scopes, and the applications whose texts are seen (null: all)."""

    path: ClassVar[str] = "/v1/me"


class SignOut(Question[dict[str, bool]], frozen=True):
    """End the session that asks."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/sign-out"
    quiet: ClassVar[bool] = True


class Audit(Question[dict[str, Any]], frozen=True):
    """Every act, oldest first: at, actor, on_behalf_of, act, object, reason, hash, before, after (the last two as JSON)."""

    path: ClassVar[str] = "/v1/audit"
    scope: ClassVar[Scope] = "admin"
    shape: ClassVar[Shape] = "table"


class VerifyAudit(Question[dict[str, Any]], frozen=True):
    """Whether the chain of the audit holds: acts, hash of the last one, and a line for each problem."""

    path: ClassVar[str] = "/v1/audit/verify"
    scope: ClassVar[Scope] = "admin"


OF_PEOPLE: Final = (
    *(People, AddPerson, RevokePerson, AddKey, SignPersonOut, SetPassword),
    *(AddSenderKey, RemoveSenderKey),
    *(SignInWays, SignInByPassword, BeginSignIn, FinishSignIn, Me, SignOut),
    *(Audit, VerifyAudit),
)
"""In the order of the table of questions."""
