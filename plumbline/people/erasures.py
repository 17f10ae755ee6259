"""Requests to erase a trace: asked for by who has seen it, granted or refused by an admin, and on record from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from monitor.errors import NotFound, UsageError
from monitor.state import Transaction, erasures
from monitor.store.removal.age_limits import Limits
from plumbline.api.call import Actor, Call
from plumbline.api.erasure_questions import AskErasure, GrantErasure, RefuseErasure
from plumbline.people.commands import Commands

Row = dict[str, Any]


@dataclass(frozen=True)
class Requests:
    """The requests to erase of one data directory."""

    commands: Commands

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

    def grant(self, call: Call, asked: GrantErasure, erase: Callable[[str], dict[str, int]]) -> Row:
        """Have `erase` take the trace of a request away; return rows by table. Raises `NotFound`, `UsageError`, `OnHold`.

        The erasure itself answers the request, however it ends; who granted it is added when it has ended.
        """
        with self.commands.record.state.transaction() as txn:
            trace_id = _open(txn, asked.number, call.actor)["trace_id"]
        removed = {table: n for table, n in erase(trace_id).items() if n}
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
        """Forget the traces of requests that are older than traces are kept; return how many."""
        if limits.spans is None:
            return 0
        with self.commands.record.state.transaction() as txn:
            return erasures.let_go(
                txn, limits.spans.replace(tzinfo=UTC), limits.held.traces, self.commands.record.clock.now()
            )


def _open(txn: Transaction, number: int, actor: Actor) -> Row:
    row = erasures.numbered(txn, number)
    if row is None or not _seen(row, actor):
        raise NotFound(f"erasure request {number} (see `plumbline erasures list`)")
    if row["outcome"] is not None:
        raise UsageError(f"erasure request {number} has ended: {row['outcome']}")
    return row


def _seen(row: Row, actor: Actor) -> bool:
    return actor.apps is None or actor.apps >= set(row["apps"])
