"""Who may ask the agent: people in roles, each with a key, and the audit of what they did."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from monitor.clock import Clock
from monitor.errors import NotFound, UsageError
from monitor.privacy.keyed import digest
from monitor.state import ControlState, audit, people
from monitor.state.audit import Act
from plumbline.api.call import EVERYTHING, Actor, Credentials, token_owner
from plumbline.api.people_questions import Role
from plumbline.api.question import Question, Scope, name_of

ROLES: Final[Mapping[Role, frozenset[Scope]]] = {
    "viewer": frozenset({"read"}),
    "reviewer": frozenset({"read", "review"}),
    "operator": frozenset({"read", "operate"}),
    "policy owner": frozenset({"read", "review", "operate"}),
    "admin": EVERYTHING,
}
"""What a role may do."""

_TEXTS: Final = ("actor", "act", "object", "reason", "hash")
_COLUMNS: Final[dict[str, pa.DataType]] = {"at": pa.timestamp("us"), **{name: pa.string() for name in _TEXTS}}
_AUDIT: Final = pa.schema(_COLUMNS)


@dataclass(frozen=True)
class Register:
    """The people and the audit of one data directory; `key` is the key of the installation."""

    state: ControlState
    key: bytes
    clock: Clock

    def people(self) -> list[dict[str, Any]]:
        """Return everybody, also who has left."""
        with self.state.transaction() as txn:
            return people.listed(txn)

    def add(self, name: str, role: Role) -> str:
        """Let somebody in and return the key, which is kept nowhere. Raises `UsageError` for a name that is taken."""
        key = secrets.token_urlsafe(32)
        if name == token_owner().name:
            raise UsageError(f"{name} owns the data directory and may do everything already (take another name)")
        with self.state.transaction() as txn:
            if not people.add(txn, name, role, _hidden(key), self.clock.now()):
                raise UsageError(f"{name} is there already (plumbline people revoke {name}, then add again)")
        return key

    def revoke(self, name: str) -> dict[str, str]:
        """End what somebody may do. Raises `NotFound`."""
        with self.state.transaction() as txn:
            if not people.revoke(txn, name, self.clock.now()):
                raise NotFound(name)
        return {"revoked": name}

    def credentials(self, token: str) -> Credentials:
        """Return who holds what: `token` is the owner's, every other credential is looked up at every call."""

        def holder(given: str) -> Actor | None:
            if secrets.compare_digest(given.encode("utf-8", "replace"), token.encode()):
                return token_owner()
            with self.state.transaction() as txn:
                found = people.holder(txn, _hidden(given))
            return None if found is None else Actor(found[0], _scopes(found[1]))

        return holder

    @contextmanager
    def on_record(self, actor: Actor, question: Question[Any]) -> Iterator[None]:
        """Write the act down before it begins, and how it ended; what a kill interrupts has no end on record."""
        name, about = name_of(type(question)), question.about(self._pseudonym)
        self._append(Act(actor.name, name, about))
        try:
            yield
        except BaseException as error:
            self._append(Act(actor.name, f"{name} failed", about, type(error).__name__))
            raise
        self._append(Act(actor.name, f"{name} done", about))

    def _append(self, act: Act) -> None:
        with self.state.transaction() as txn:
            audit.append(txn, self.key, act, self.clock.now())

    def _pseudonym(self, given: str) -> str:
        return digest(self.key, "audit object", given)[:20]

    def audit_table(self) -> pa.Table:
        """Return the public table `audit`."""
        with self.state.transaction() as txn:
            return pa.Table.from_pylist(audit.rows(txn), schema=_AUDIT)

    def verify(self) -> dict[str, Any]:
        """Return acts, hash of the last one, and what is wrong with the chain."""
        with self.state.transaction() as txn:
            known = audit.rows(txn)
            return {
                "acts": len(known),
                "last": known[-1]["hash"] if known else None,
                "problems": audit.problems(txn, self.key),
            }


def _scopes(role: str) -> frozenset[Scope]:
    """A role of a later Plumbline may do nothing here."""
    return next((scopes for name, scopes in ROLES.items() if name == role), frozenset())


def _hidden(key: str) -> str:
    """A key is 256 random bits: one round of a fast hash is enough."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
