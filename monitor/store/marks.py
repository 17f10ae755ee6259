"""How far a step is: one row a step, written in the transaction of what it did."""

from __future__ import annotations

from datetime import datetime

from monitor.store.opening import Transaction


def set_mark(txn: Transaction, step: str, seq: int | None, time: datetime | None) -> None:
    """Say that `step` has reached `seq` (a number of its own) and `time` (naive UTC); what it said before is forgotten."""
    txn.execute("DELETE FROM base.marks WHERE step = ?", [step])
    txn.execute("INSERT INTO base.marks (step, seq, time) VALUES (?, ?, ?)", [step, seq, time])
