"""Who may ask the agent: people in roles, and the credentials by which each is known."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from monitor.clock import Clock
from monitor.errors import Forbidden, NotFound, UsageError
from monitor.state import ControlState, Transaction, credentials, people
from monitor.state.credentials import Credential
from plumbline.api.call import EVERYTHING, Actor, Credentials, token_owner
from plumbline.api.people_questions import Role
from plumbline.api.question import Scope

ROLES: Final[Mapping[Role, frozenset[Scope]]] = {
    "viewer": frozenset({"read"}),
    "reviewer": frozenset({"read", "review"}),
    "operator": frozenset({"read", "operate"}),
    "policy owner": frozenset({"read", "review", "operate", "govern"}),
    "admin": EVERYTHING,
}
"""What a role may do."""


@dataclass(frozen=True)
class Register:
    """The people of one data directory; a session unused for `idle` does not stand."""

    state: ControlState
    clock: Clock
    idle: timedelta

    def people(self) -> list[dict[str, Any]]:
        """Return everybody, also who has left."""
        with self.state.transaction() as txn:
            return people.listed(txn)

    def add(self, name: str, role: Role, apps: Collection[str] | None = None) -> str:
        """Let somebody in and return the key, which is kept nowhere. Raises `UsageError` for a name that is taken."""
        key, now = secrets.token_urlsafe(32), self.clock.now()
        if name == token_owner().name:
            raise UsageError(f"{name} owns the data directory and may do everything already (take another name)")
        with self.state.transaction() as txn:
            if not people.add(txn, name, role, apps, now):
                raise UsageError(f"{name} is there already (plumbline people revoke {name}, then add again)")
            credentials.add(txn, "key", name, key, now)
        return key

    def add_key(self, name: str, scopes: Collection[Scope] | None) -> str:
        """Return another key of somebody, which may do no more than `scopes`. Raises `NotFound`."""
        key = secrets.token_urlsafe(32)
        with self.state.transaction() as txn:
            if people.named(txn, name) is None:
                raise NotFound(name)
            credentials.add(txn, "key", name, key, self.clock.now(), scopes=scopes)
        return key

    def revoke(self, name: str) -> dict[str, str]:
        """End what somebody may do: role, keys and sessions. Raises `NotFound`."""
        now = self.clock.now()
        with self.state.transaction() as txn:
            if not people.revoke(txn, name, now):
                raise NotFound(name)
            credentials.end_of(txn, name, now, "key", "session")
        return {"revoked": name}

    def sign_out(self, name: str) -> dict[str, int]:
        """End every session of somebody, who may sign in again. Raises `NotFound`."""
        with self.state.transaction() as txn:
            if people.named(txn, name) is None:
                raise NotFound(name)
            return {"ended": credentials.end_of(txn, name, self.clock.now(), "session")}

    def end_session(self, txn: Transaction, actor: Actor) -> dict[str, bool]:
        """End the session that `actor` shows. Raises `UsageError` where it shows something else."""
        if not actor.session:
            raise UsageError("there is no session to end (this is a key, or the token of the owner)")
        return {"ended": credentials.end(txn, actor.credential, self.clock.now())}

    def credentials(self, token: str) -> Credentials:
        """Return who holds what, looked up at every call; `token` is the owner's from now on, and no other is."""
        owner, now = token_owner(), self.clock.now()
        with self.state.transaction() as txn:
            credentials.add(txn, "token", owner.name, token, now)
            credentials.end_kind(txn, "token", now, but=token)
            credentials.forget_ended(txn, now)

        def holder(given: str, by: str) -> Actor | None:
            with self.state.transaction() as txn:
                shown = credentials.holder(txn, given, self.clock.now(), self.idle)
                actor = None if shown is None else self._holder(txn, shown)
                return _acting(txn, actor, by) if actor is not None and by else actor

        return holder

    def _holder(self, txn: Transaction, shown: Credential) -> Actor | None:
        if shown.kind == "token":
            return token_owner()
        person = people.named(txn, shown.name)
        if person is None:
            return None
        allowed = scopes_of(person.role)
        if shown.scopes is not None:
            allowed &= shown.scopes
        return Actor(
            person.name,
            allowed,
            person.apps,
            credential=shown.digest,
            session=shown.kind == "session",
            role=person.role,
        )

    def acting(self, actor: Actor, by: str) -> Actor:
        """Return `actor` as it acts for the person `by`. Raises `Forbidden`, and `UsageError` for an unknown person."""
        with self.state.transaction() as txn:
            return _acting(txn, actor, by)


def scopes_of(role: str) -> frozenset[Scope]:
    """Return what a role out of the store may do; one of a later Plumbline may do nothing here."""
    return next((scopes for name, scopes in ROLES.items() if name == role), frozenset())


def _acting(txn: Transaction, actor: Actor, by: str) -> Actor:
    """An admin acts for a person within what that person may do, and both are on record."""
    if "admin" not in actor.scopes:
        raise Forbidden(f"{actor.name} may not act for others: it needs the scope admin (leave out --by)")
    person = people.named(txn, by)
    if person is None:
        raise UsageError(f"--by {by}: there is nobody of this name (see `plumbline people list`)")
    return Actor(person.name, scopes_of(person.role), person.apps, by=actor.name, role=person.role)
