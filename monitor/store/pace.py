"""How much traffic there is, and what in it is new: what sampling by quota goes by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from monitor.store.reads import Reader

DAY: Final = timedelta(days=1)
KNOWN: Final = timedelta(days=28)
"""What was seen within so long is not new."""


def turns_a_day(reader: Reader, until: datetime) -> dict[str, int]:
    """Return how many turns each app had in the day before `until` (naive UTC)."""
    rows = reader.frame(
        "SELECT app, count(*) AS n FROM base.turns WHERE time > ? AND time <= ? AND app <> '' GROUP BY app ORDER BY app",
        [until - DAY, until],
    )
    return dict(rows.iter_rows())


def new_values(reader: Reader, columns: Sequence[str], until: datetime, span: timedelta) -> dict[str, list[str]]:
    """Return, per column of turns, the values seen in `span` before `until` and not in the weeks before; all of a new store are known."""
    found: dict[str, list[str]] = {}
    for column in columns:
        rows = reader.frame(
            f"""
            SELECT {column} AS value FROM base.turns WHERE time > ? AND time <= ? AND {column} IS NOT NULL
            GROUP BY 1 HAVING min(time) > ? AND (SELECT min(time) FROM base.turns WHERE time > ?) <= ? ORDER BY 1""",
            [until - KNOWN, until, until - span, until - KNOWN, until - span],
        )
        found[column] = rows["value"].to_list()
    return found
