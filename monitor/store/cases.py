"""Graded turns as cases for a data set: the verdict that stands on each, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.precedence import rank
from monitor.store.reads import Reader


@dataclass(frozen=True)
class Wanted:
    """Which cases: of one rule, with one of `verdicts`, of turns with start <= time < end (naive UTC), the newest `most`."""

    rule: str
    verdicts: Sequence[str]
    start: datetime
    end: datetime
    most: int
    apps: Sequence[str] | None = None


def standing_cases_of(reader: Reader, wanted: Wanted) -> list[dict[str, Any]]:
    """Return seq, app and the grade that stands of each case, the newest first; None among `apps` is every app."""
    rows = reader.frame(
        f"""
        WITH standing AS (
            SELECT g.* FROM base.grades g WHERE g.rule_id = ? AND g.time >= ? AND g.time < ?
            QUALIFY row_number() OVER (PARTITION BY g.unit_id ORDER BY {rank("g")}, g.graded_at DESC, g.rowid DESC) = 1)
        SELECT t.seq, t.app, t.time, s.* EXCLUDE (time),
               (SELECT any_value(p.plan) FROM base.samples p WHERE p.unit_id = s.unit_id) AS picked_by
        FROM standing s JOIN base.turns t ON t.trace_id = s.unit_id
        WHERE list_contains(?, s.verdict) AND (? OR list_contains(?, coalesce(t.app, '')))
        ORDER BY t.time DESC, s.unit_id LIMIT ?""",
        [
            *(wanted.rule, wanted.start, wanted.end),
            *(list(wanted.verdicts), wanted.apps is None, list(wanted.apps or ()), wanted.most),
        ],
    )
    return rows.to_dicts()
