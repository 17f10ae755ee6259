"""Signing in to the dashboard: by a password, or by a provider of identities. Either way ends in a session of our own.

A session is a random secret that only the browser holds; it can be ended here at any time, whatever the provider says.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from monitor.clock import Clock
from monitor.config.schema import PeopleSettings
from monitor.errors import NotFound, TooMany, UsageError
from monitor.privacy.keyed import digest
from monitor.state import ControlState, Transaction, credentials, people, sign_ins
from monitor.state.people import Person
from monitor.state.sign_ins import Begun
from plumbline.api.call import Actor
from plumbline.people.provider import Provider
from plumbline.people.record import Record

SHORTEST: Final = 10
LONGEST: Final = 1000
HASHES: Final = PasswordHash((Argon2Hasher(),))
NOBODY: Final = Actor("(nobody)", frozenset())
WRONG: Final = "name or password is wrong"


@dataclass(frozen=True)
class SignIn:
    """How people sign in to one data directory."""

    state: ControlState
    record: Record
    clock: Clock
    settings: PeopleSettings
    lasts: timedelta
    provider: Provider | None

    def ways(self) -> dict[str, bool]:
        """Return how somebody may sign in."""
        return {"password": self.settings.passwords, "provider": self.provider is not None}

    def set_password(self, name: str, password: str) -> dict[str, str]:
        """Let somebody sign in by `password`; sessions of before end. Raises `NotFound`, and `UsageError` for a bad one."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise UsageError(f"a password has at least {SHORTEST} characters, and at most {LONGEST}")
        hashed = HASHES.hash(password)
        with self.state.transaction() as txn:
            if not people.set_password(txn, name, hashed):
                raise NotFound(name)
            credentials.end_of(txn, name, self.clock.now(), "session")
        return {"set": name}

    def by_password(self, name: str, password: str) -> dict[str, str]:
        """Return a new session of `name`. Raises `UsageError` where something is wrong, `TooMany` after many tries.

        Whether a name exists is told neither by the answer nor by how long it takes.
        """
        if not self.settings.passwords:
            raise UsageError("nobody signs in by password here (people.passwords: true allows it)")
        person = self._let_try(name)
        fits = HASHES.verify(password[:LONGEST], person.password if person and person.password else _nobodys())
        if person is None or person.password is None or not fits:
            self._count(name)
            known = NOBODY if person is None else Actor(person.name)
            self.record.add(known, "signin failed", "", "password")
            raise UsageError(WRONG)
        return self._session(person.name, "password")

    def _let_try(self, name: str) -> Person | None:
        with self.state.transaction() as txn:
            left = sign_ins.wait(txn, self._who(name), self.clock.now())
            if left:
                raise TooMany(f"too many tries; wait {max(1, round(left.total_seconds()))} s and try again")
            return people.named(txn, name)

    def _count(self, name: str) -> None:
        with self.state.transaction() as txn:
            sign_ins.failed(txn, self._who(name), self.clock.now())

    def _who(self, name: str) -> str:
        return digest(self.record.key, "sign-in", name)

    def begin(self) -> dict[str, str]:
        """Return where the browser goes, and the state that it must come back with. Raises `UsageError`, `Unreachable`."""
        provider, state = self._provider(), secrets.token_urlsafe(32)
        begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(48))
        address = provider.address(state, begun)
        with self.state.transaction() as txn:
            if not sign_ins.begin(txn, state, begun, self.clock.now()):
                raise TooMany("too many sign-ins are under way; try again in some minutes")
        return {"url": address, "state": state, "redirect": provider.redirect}

    def finish(self, state: str, code: str) -> dict[str, str]:
        """Return a new session of whom the provider names. Raises `UsageError`, `Unreachable`."""
        provider = self._provider()
        with self.state.transaction() as txn:
            begun = sign_ins.take_up(txn, state, self.clock.now())
        if begun is None:
            raise UsageError("this sign-in took too long, or was finished before; begin again")
        name = provider.name(code, begun)
        with self.state.transaction() as txn:
            person = people.named(txn, name)
        if person is None:
            self.record.add(NOBODY, "signin failed", "", "provider: not among the people")
            raise UsageError(
                f"{name[:64]} is not among the people of this Plumbline (an admin adds you: plumbline people add)"
            )
        return self._session(person.name, "provider")

    def _provider(self) -> Provider:
        if self.provider is None:
            raise UsageError("nobody signs in by a provider here (people.oidc names one)")
        return self.provider

    def _session(self, name: str, way: str) -> dict[str, str]:
        secret, ends = secrets.token_urlsafe(32), (self.clock.now() + self.lasts).isoformat()
        with self.state.transaction() as txn:
            self._open(txn, name, secret)
            self.record.within(txn, Actor(name), "signin", "", way, (None, {"session": {"ends": ends}}))
        return {"session": secret, "name": name, "ends": ends}

    def _open(self, txn: Transaction, name: str, secret: str) -> None:
        if people.named(txn, name) is None:  # revoked between the question and here
            raise UsageError(WRONG)
        sign_ins.succeeded(txn, self._who(name))
        credentials.add(txn, "session", name, secret, self.clock.now(), lasts=self.lasts)


@cache
def _nobodys() -> str:
    """A hash that no password fits: who does not exist takes as long as who does."""
    return HASHES.hash(secrets.token_urlsafe(32))
