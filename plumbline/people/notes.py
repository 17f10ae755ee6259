"""Notes of people on findings and traces: written, listed, taken away, and gone with what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from monitor.errors import NotFound
from monitor.state import Transaction, notes
from monitor.store.removal.age_limits import Limits
from plumbline.api.call import Call
from plumbline.api.note_questions import AddNote, Noted, RemoveNote
from plumbline.people.commands import Commands


@dataclass(frozen=True)
class Notes:
    """The notes of one data directory."""

    commands: Commands

    def on(self, subject: str) -> list[dict[str, Any]]:
        """Return the notes on a subject, oldest first."""
        with self.commands.record.state.transaction() as txn:
            return notes.on(txn, subject)

    def add(self, call: Call, asked: AddNote, kind: Noted | None, apps: frozenset[str]) -> dict[str, Any]:
        """Write a note on what is of `kind` and belongs to `apps`; return it. Raises `NotFound` where there is no such thing."""
        if kind is None:
            raise NotFound(asked.id)
        now = self.commands.record.clock.now()

        def write(txn: Transaction) -> dict[str, Any]:
            number = notes.add(txn, kind, asked.id, apps, call.actor.name, asked.text.strip(), now)
            return {"id": number, "author": call.actor.name, "at": now.isoformat()}

        told: dict[str, Any] = self.commands.carry_out(call, asked, write)
        return told

    def remove(self, call: Call, asked: RemoveNote) -> dict[str, Any]:
        """Take a note away. Raises `NotFound`."""

        def take(txn: Transaction) -> dict[str, Any]:
            if not notes.remove(txn, asked.number):
                raise NotFound(f"note {asked.number}")
            return {"removed": asked.number}

        told: dict[str, Any] = self.commands.carry_out(call, asked, take)
        return told

    def let_go(self, limits: Limits) -> int:
        """Take away notes that are older than what they are about is kept; return how many."""
        aged = (("trace", limits.spans), ("finding", limits.rollups))
        with self.commands.record.state.transaction() as txn:
            return sum(
                notes.let_go(txn, kind, at.replace(tzinfo=UTC), limits.held.traces)
                for kind, at in aged
                if at is not None
            )
