"""The record of what was done: every act in a chain that cannot be bent, before it begins and when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pyarrow as pa

from monitor.clock import Clock
from monitor.privacy.keyed import digest
from monitor.state import ControlState, Transaction, audit
from monitor.state.audit import Act
from monitor.state.public import PublicTable, PublicTables
from plumbline.api.call import Actor
from plumbline.api.question import Question, name_of
from plumbline.people.looks import State, changed, seen

A = TypeVar("A")

_TEXTS: Final = ("actor", "on_behalf_of", "act", "object", "reason", "hash", "before", "after")
_COLUMNS: Final[dict[str, pa.DataType]] = {"at": pa.timestamp("us"), **{name: pa.string() for name in _TEXTS}}
_AUDIT: Final = pa.schema(_COLUMNS)


Change = tuple[State | None, State | None]
"""What was before an act, and what is after it."""


@dataclass(frozen=True)
class Record:
    """The audit of one data directory; `key` is the key of the installation."""

    state: ControlState
    key: bytes
    clock: Clock

    def of(self, actor: Actor, question: Question[A], act: Callable[[], A]) -> A:
        """Do `act` and return its answer; it is written down before it begins, with what it may change, and when it has ended.

        What a kill interrupts has no end on record.
        """
        name, about = name_of(type(question)), question.about(self._pseudonym)
        with self.state.transaction() as txn:
            before = seen(txn, question)
            self.within(txn, actor, name, about, change=(before, None))
        try:
            answer = act()
        except BaseException as error:
            self.add(actor, f"{name} failed", about, type(error).__name__)
            raise
        with self.state.transaction() as txn:
            self.within(txn, actor, f"{name} done", about, change=_change(txn, question, before, answer))
        return answer

    def add(self, actor: Actor, act: str, about: str, reason: str = "") -> None:
        """Write down that `actor` did `act` to `about`; an admin who acts for a person is the actor, the person is named."""
        with self.state.transaction() as txn:
            self.within(txn, actor, act, about, reason)

    def within(
        self, txn: Transaction, actor: Actor, act: str, about: str, reason: str = "", change: Change = (None, None)
    ) -> None:
        """Do the same in a transaction that is open: what is done and its record stand together, or neither does."""
        who, whom = (actor.name, None) if actor.by is None else (actor.by, actor.name)
        audit.append(txn, self.key, Act(who, act, about, reason, whom, *change), self.clock.now())

    def of_act(
        self,
        txn: Transaction,
        actor: Actor,
        question: Question[Any],
        act: Callable[[Transaction], Any],
        reason: str = "",
    ) -> Any:
        """Do `act`, which stands or falls with `txn`, and return its answer; one line holds it, and what it changed."""
        before = seen(txn, question)
        answer = act(txn)
        change = _change(txn, question, before, answer)
        self.within(txn, actor, name_of(type(question)), question.about(self._pseudonym), reason, change)
        return answer

    def _pseudonym(self, given: str) -> str:
        return digest(self.key, "audit object", given)[:20]

    def public(self) -> PublicTables:
        """Return what SQL reads of it."""
        return PublicTables({"audit": PublicTable(_AUDIT, self.table)})

    def table(self) -> pa.Table:
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


def _change(txn: Transaction, question: Question[Any], before: State | None, answer: Any) -> Change:
    """Return what an act changed, or what came of it where nothing of that is seen."""
    return (None, question.outcome(answer)) if before is None else changed(before, seen(txn, question))
