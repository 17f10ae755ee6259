"""What single parts of a step (a stream, a rule) have missed: written with the mark of the step, read to catch up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from monitor.store.opening import Transaction
from monitor.store.reads import Reader


@dataclass(frozen=True)
class Missed:
    """Turns with after < seq <= upto, or scores heard in that range, that `part` of `step` has not seen."""

    step: str
    part: str
    after: int
    upto: int | None


_COLUMNS: Final = "step, part, after, upto"


def missed(reader: Reader) -> list[Missed]:
    """Return everything that was missed, the oldest first."""
    return [Missed(*row) for row in reader.rows(f"SELECT {_COLUMNS} FROM base.behind ORDER BY step, part, after")]


def note_missed(txn: Transaction, rows: Iterable[Missed]) -> None:
    """Remember what was missed."""
    txn.insert("behind", [asdict(row) for row in rows])


def forget_missed(txn: Transaction, row: Missed) -> None:
    """Say that a part has seen what it had missed."""
    where = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in asdict(row))
    txn.execute(f"DELETE FROM base.behind WHERE {where}", list(asdict(row).values()))
