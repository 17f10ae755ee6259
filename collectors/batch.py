"""The rows of one group of request bodies, in memory, before they become one Arrow frame.

Rows are lists in the column order of `monitor.model.rows`; times are integer microseconds since the epoch, UTC.
A batch belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from monitor.model.rows import CHANGES, CONTENT, EVENTS, EXPOSURES, METERS, REFUSALS, SCORES, SPANS, STRANGERS, Columns

Row = list[Any]
Mark = tuple[int, ...]

BATCH_TABLES: Final[dict[str, Columns]] = {
    "spans": SPANS,
    "content": CONTENT,
    "events": EVENTS,
    "scores": SCORES,
    "meters": METERS,
    "exposures": EXPOSURES,
    "changes": CHANGES,
    "refusals": REFUSALS,
    "strangers": STRANGERS,
}
"""What decoding yields. Features are computed from these, later."""

AT: Final[dict[str, dict[str, int]]] = {
    table: {column: index for index, column in enumerate(columns)} for table, columns in BATCH_TABLES.items()
}
"""Table -> column -> position in a row."""


class Batch:
    """Rows by table. Append to `rows[table]` in column order, or use `add` where speed does not matter.

    `replies` are answers that were seen beside their calls (trace, answer, facts): see `collectors.decode.replies`.
    """

    __slots__ = ("replies", "rows")

    def __init__(self) -> None:
        self.replies: list[tuple[str, tuple[str, tuple[str, ...]], dict[str, str]]] = []
        self.rows: dict[str, list[Row]] = {table: [] for table in BATCH_TABLES}

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values())

    def add(self, table: str, **fields: object) -> None:
        """Append one row; columns that are not given are unknown. An unknown column name is a `KeyError`."""
        at = AT[table]
        row: Row = [None] * len(at)
        for column, value in fields.items():
            row[at[column]] = value
        self.rows[table].append(row)

    def columns(self) -> dict[str, dict[str, list[Any]]]:
        """Return every table as column -> values; empty tables too."""
        return {table: _transposed(BATCH_TABLES[table], rows) for table, rows in self.rows.items()}

    def dicts(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of one table as dicts: for people and tests, not for speed."""
        return [dict(zip(BATCH_TABLES[table], row, strict=True)) for row in self.rows[table]]

    def mark(self) -> Mark:
        """Remember how far the batch is filled."""
        return (len(self.replies), *(len(rows) for rows in self.rows.values()))

    def rollback(self, mark: Mark) -> None:
        """Drop whatever was appended since `mark`."""
        del self.replies[mark[0] :]
        for rows, length in zip(self.rows.values(), mark[1:], strict=True):
            del rows[length:]


def _transposed(columns: Columns, rows: Sequence[Row]) -> dict[str, list[Any]]:
    if not rows:
        return {column: [] for column in columns}
    return {column: list(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)}
