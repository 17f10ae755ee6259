"""Requests to erase a trace: asked for by who has seen it, granted or refused by an admin, and on record from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitor.errors import NotFound, UsageError
from monitor.state import Transaction, erasures
from monitor.store.opening import Store
from monitor.store.removal.age_limits import Limits
from monitor.store.subjects import stored_among
from plumbline.api.call import Actor, Call
from plumbline.api.erasure_questions import AskErasure, GrantErasure, RefuseErasure
from plumbline.people.commands import Commands

Row = dict[str, Any]
Erase = Callable[[str, Callable[[], object]], dict[str, int]]
"""Erases a trace and returns rows by table; what it is given besides raises where that may not be any more."""


@dataclass(frozen=True)
class Requests:
    """The requests to erase of one data directory."""

    commands: Commands
    store: Store

    def listed(self, actor: Actor) -> list[Row]:
        """Return the requests about applications that `actor` may see, the open ones first."""
        with self.commands.record.state.transaction() as txn:
            return [row for row in erasures.listed(txn) if _seen(row, actor)]

    def waiting(self) -> int:
        """Return how many wait for an admin."""
        with self.commands.record.state.transaction() as txn:
            return erasures.waiting(txn)

    def ask(self, call: Call, asked: AskErasure, trace_id: str, apps: frozenset[str]) -> Row:
        """Ask that `trace_id`, of `apps`, be erased."""
        now = self.commands.record.clock.now()

        def write(txn: Transaction) -> Row:
            number = erasures.ask(txn, trace_id, apps, asked.reason.strip(), call.actor.name, now)
            return {"number": number or erasures.open_for(txn, trace_id), "new": number is not None}

        told: Row = self.commands.carry_out(call, asked, write)
        return told

    def grant(self, call: Call, asked: GrantErasure, erase: Erase) -> Row:
        """Have `erase` take the trace of a request away; return rows by table. Raises `NotFound`, `UsageError`, `OnHold`.

        `erase` calls what it is given when nobody can refuse any more. The erasure itself answers the request, however it ends;
        who granted it is added when it has ended.
        """

        def still_asked() -> str:
            with self.commands.record.state.transaction() as txn:
                return str(_open(txn, asked.number, call.actor)["trace_id"])

        removed = {table: n for table, n in erase(still_asked(), still_asked).items() if n}
        with self.commands.record.state.transaction() as txn:
            erasures.end(txn, asked.number, "erased", call.actor.name, self.commands.record.clock.now())
        return {"number": asked.number, "removed": removed}

    def refuse(self, call: Call, asked: RefuseErasure) -> Row:
        """Refuse a request. Raises `NotFound`, `UsageError` where it has ended."""
        now = self.commands.record.clock.now()

        def write(txn: Transaction) -> Row:
            _open(txn, asked.number, call.actor)
            erasures.end(txn, asked.number, "refused", call.actor.name, now, asked.reason.strip())
            return {"refused": asked.number}

        told: Row = self.commands.carry_out(call, asked, write)
        return told

    def let_go(self, limits: Limits) -> int:
        """Forget the traces of requests that went with their age, whenever they were asked for; return how many."""
        if limits.spans is None:
            return 0
        with self.commands.record.state.transaction() as txn:
            named = erasures.traces(txn)
        gone = named - stored_among(self.store, named)
        with self.commands.record.state.transaction() as txn:
            return erasures.let_go(txn, gone, self.commands.record.clock.now())


def _open(txn: Transaction, number: int, actor: Actor) -> Row:
    row = erasures.numbered(txn, number)
    if row is None or not _seen(row, actor):
        raise NotFound(f"erasure request {number} (see `plumbline erasures list`)")
    if row["outcome"] is not None:
        raise UsageError(f"erasure request {number} has ended: {row['outcome']}")
    return row


def _seen(row: Row, actor: Actor) -> bool:
    return actor.apps is None or actor.apps >= set(row["apps"])
