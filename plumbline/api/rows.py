"""A result table as plain values: what JSON can carry and a terminal can show.

Times become ISO 8601 with a Z (the store keeps UTC), numbers stay numbers, NaN and infinities become None: JSON has no
word for them, and an unknown is never a number here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Rows:
    """Columns by name and rows of plain values; `truncated` says that more rows existed than were asked for.

    `as_of` is when the snapshot was taken that they were read from, where that is not now.
    """

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool = False
    as_of: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON carries of it."""
        told = {"columns": self.columns, "rows": self.rows, "truncated": self.truncated}
        return told if self.as_of is None else told | {"as_of": _instant(self.as_of)}

    def records(self) -> list[dict[str, Any]]:
        """One mapping a row, as JSON output shows them."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def rows_of(table: pa.Table, *, truncated: bool = False, as_of: datetime | None = None) -> Rows:
    """Return `table` as plain values; two columns of one name are told apart by a number."""
    columns = [_plain_column(column) for column in table.columns]
    rows = [list(row) for row in zip(*columns, strict=True)] if columns else []
    return Rows(_distinct(table.column_names), rows, truncated, as_of)


def _plain_column(column: pa.ChunkedArray[Any]) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)  # Python has no nanoseconds
    try:
        return [plain(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):  # a date beyond the year 9999, such as infinity
        return column.cast(pa.string()).to_pylist()


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line a type reads best
    """Return `value` as something JSON can carry."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return _number(value)
        case datetime():
            return _instant(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return str(value)


def _number(value: float | Decimal) -> int | float | None:
    """A Decimal without a fraction is a sum of integers and stays exact."""
    if not math.isfinite(value):
        return None
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return float(value)


def _instant(value: datetime) -> str:
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def _distinct(names: list[str]) -> list[str]:
    used: list[str] = []
    for name in names:
        unique, number = name, 1
        while unique in used:
            number += 1
            unique = f"{name}_{number}"
        used.append(unique)
    return used
