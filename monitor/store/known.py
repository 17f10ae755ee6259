"""Known items in the store: answers of which people have settled whether they break a rule, and what judges said of such."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.store.precedence import AGREED, HUMAN, rank
from monitor.store.reads import Reader

_SAID: Final = "known IS NOT NULL AND judge = ? AND (verdict IS NOT NULL OR state = 'refused')"
_NEWEST: Final = f"(SELECT key FROM base.judge_calls WHERE {_SAID} ORDER BY time DESC LIMIT 1)"


JUDGE: Final = "judge "
"""What the name begins with under which a judge stands where applications do."""


def last_change(reader: Reader, judge: str) -> tuple[datetime, str] | None:
    """Return when (naive UTC) a judge was found to have changed last, while nobody called that normal, and what was found."""
    rows = reader.frame(
        """SELECT detected_at, reason FROM base.findings WHERE app = ? AND coalesce(state, 'open') = 'open'
           ORDER BY detected_at DESC LIMIT 1""",
        [f"{JUDGE}{judge}"],
    )
    return rows.row(0) if rows.height else None


def changes(reader: Reader, judge: str) -> list[tuple[datetime, datetime]]:
    """Return when a judge was found to have changed: for each time since when at the earliest and the latest (naive UTC)."""
    rows = reader.frame("SELECT since_low, since_high FROM base.findings WHERE app = ? ORDER BY 1", [f"{JUDGE}{judge}"])
    return list(rows.iter_rows())


def last_changes(reader: Reader) -> dict[str, datetime]:
    """Return of each judge that was ever found to have changed since when (naive UTC) it surely judges as it does now."""
    rows = reader.frame(
        "SELECT app, max(since_high) AS at FROM base.findings WHERE starts_with(app, ?) AND starts_with(metric, 'judge:') GROUP BY 1",
        [JUDGE],
    )
    return {app.removeprefix(JUDGE): at for app, at in rows.iter_rows()}


def settled(reader: Reader, rules: Sequence[str], since: datetime) -> pl.DataFrame:
    """Return rule_id, unit_id, label, since, seq, time and app of turns after `since` on which people agree, or somebody decided.

    Those first that were settled first.
    """
    return reader.frame(
        f"""
        SELECT s.rule_id, s.unit_id, s.verdict AS label, s.graded_at AS since, t.seq, t.time, coalesce(t.app, '') AS app FROM (
            SELECT *, {rank("g")} AS place FROM base.grades g
            WHERE starts_with(grader, '{HUMAN}') AND list_contains(?, rule_id) AND time >= ? AND coalesce(unit, 'turn') = 'turn'
            QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY {rank("g")}, graded_at DESC) = 1) s
        JOIN base.turns t ON t.trace_id = s.unit_id
        WHERE s.place <= {AGREED} AND s.verdict IN ('violates', 'complies') ORDER BY s.graded_at, s.unit_id""",
        [list(rules), since],
    )


def pace(reader: Reader, judge: str, now: datetime) -> float:
    """Return how many calls about answers of production a judge gets a day, over the last seven; times are naive UTC."""
    rows = reader.frame(
        """SELECT count(*) AS n, min(time) AS first FROM base.judge_calls
           WHERE judge = ? AND known IS NULL AND state IN ('ok', 'retried', 'refused', 'error') AND time >= ?""",
        [judge, now - timedelta(days=7)],
    )
    n, first = rows.row(0)
    return float(n / max(1.0, (now - first) / timedelta(days=1))) if n else 0.0


def words(reader: Reader, judge: str, since: datetime) -> pl.DataFrame:
    """Return time, known (the label), bad (1 where the judge said `violates`, else 0, also where it would not say) of known items, in order.

    Only what it said of the items that it is asked about now, to the words it is asked in now, since nothing else can be compared.
    """
    return reader.frame(
        f"""SELECT time, known, coalesce(verdict = 'violates', false)::DOUBLE AS bad FROM base.judge_calls
            WHERE {_SAID} AND variant IS NULL AND time >= ? AND key = {_NEWEST} ORDER BY time""",
        [judge, since, judge],
    )


def forms(reader: Reader, judge: str, version: str) -> dict[tuple[str | None, str], tuple[int, int]]:
    """Return by form (None: as it is) and label how many known items a judge called violations, of how many it was asked."""
    rows = reader.frame(
        f"""SELECT variant, known, count(*) FILTER (verdict = 'violates') AS bad, count(*) AS n FROM base.judge_calls
            WHERE {_SAID} AND key = ? GROUP BY ALL""",
        [judge, version],
    )
    return {(variant, label): (bad, n) for variant, label, bad, n in rows.iter_rows()}


def spent(reader: Reader, judge: str, since: datetime) -> tuple[int, float | None]:
    """Return how many calls about known items a judge had since then, and what they cost in dollars, None where nobody knows of one."""
    rows = reader.frame(
        """SELECT count(*) AS n, CASE WHEN count(*) = count(cost_usd) THEN coalesce(sum(cost_usd), 0)::DOUBLE END AS usd FROM base.judge_calls
           WHERE judge = ? AND known IS NOT NULL AND state IN ('ok', 'retried', 'refused', 'error') AND time >= ?""",
        [judge, since],
    )
    n, usd = rows.row(0)
    return n, usd


def asked_from(
    reader: Reader, rule: str, app: str, judges: Sequence[str], low: datetime, high: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when judges were asked first about turns of a rule and app after `low`, and since `high` (naive UTC); None: they were not."""
    rows = reader.frame(
        """SELECT min(c.time) AS low, min(c.time) FILTER (t.time >= ?) AS high
           FROM base.judge_calls c JOIN base.turns t ON t.trace_id = c.unit_id
           WHERE c.rule_id = ? AND t.app = ? AND list_contains(?, c.judge) AND c.known IS NULL AND t.time > ?""",
        [high, rule, app, list(judges), low],
    )
    first, sure = rows.row(0)
    return first, sure
