"""How much of the traffic rules still decide: what the watch over graders looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.store.precedence import BY_MACHINE
from monitor.store.reads import Reader

_SEEN: Final = "(SELECT app, trace_id, seq, time FROM base.turns WHERE time >= ? AND seq <= ? AND app IS NOT NULL)"

_RUNS: Final = f"""
    WITH seen AS {_SEEN},
    said AS (
        SELECT s.app, g.rule_id, s.seq, g.verdict IN ('violates', 'complies') AS decided, starts_with(g.reason, 'error: ') AS broke
        FROM base.grades g JOIN seen s ON s.trace_id = g.unit_id WHERE g.time >= ? AND {BY_MACHINE}),
    told AS (
        SELECT app, rule_id, max(seq) FILTER (decided) AS last, count(*) FILTER (decided) AS decided,
               count(*) FILTER (broke) AS broke, count(*) AS asked
        FROM said GROUP BY ALL),
    before AS (
        SELECT app, rule_id, sum(n_units)::BIGINT AS turns, sum(n_graded)::BIGINT AS decided FROM base.estimates
        WHERE segment = 'all' AND window_end <= ? AND window_start >= ? GROUP BY ALL),
    pairs AS (
        SELECT app, rule_id, coalesce(t.last, 0) AS last, coalesce(t.broke, 0) AS broke, coalesce(t.asked, 0) AS asked,
               coalesce(b.decided, 0) + coalesce(t.decided, 0) AS decided, coalesce(b.turns, 0) AS turns_before
        FROM told t FULL JOIN before b USING (app, rule_id))
    SELECT p.app, p.rule_id, p.last, p.broke, p.asked, p.decided,
           p.turns_before + count(s.seq) FILTER (s.seq <= p.last) AS turns,
           count(s.seq) FILTER (s.seq > p.last) AS run, min(s.time) FILTER (s.seq > p.last) AS since
    FROM pairs p LEFT JOIN seen s ON s.app = p.app GROUP BY p.app, p.rule_id, p.last, p.broke, p.asked, p.decided, p.turns_before ORDER BY p.app, p.rule_id"""


@dataclass(frozen=True)
class Told:
    """What was said of the turns of a run: in how many the commonest reason stands, and how many were picked at all."""

    reason: str | None
    picked: int
    dialect: str | None
    dialect_before: str | None


def runs(reader: Reader, since: datetime, graded: int, history: timedelta) -> pl.DataFrame:
    """Return, per app and rule, how many turns there are since the last that was decided, and how often turns were decided before.

    Columns: app, rule_id, last (number of the last decided turn), run, since, turns and decided (before the run), asked and broke
    (grades since `since`, and those that a grader failed on). Turns up to number `graded`; further back than `since`, as far
    as `history`, the published windows count.
    """
    return reader.frame(_RUNS, [since, graded, since, since, since - history])


def told(reader: Reader, app: str, rule_id: str, after: int, since: datetime) -> Told:
    """Return what was said under a rule of the turns of `app` after number `after`, and how their spans are understood."""
    reasons = reader.frame(
        f"""
        SELECT g.reason, count(*) AS n FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE t.app = ? AND g.rule_id = ? AND t.seq > ? AND t.time >= ? AND g.time >= ? AND {BY_MACHINE}
        GROUP BY 1 ORDER BY n DESC, 1 LIMIT 1""",
        [app, rule_id, after, since, since],
    )
    picked = reader.frame(
        """SELECT count(*) AS n FROM base.samples s JOIN base.turns t ON t.trace_id = s.unit_id
           WHERE t.app = ? AND t.seq > ? AND t.time >= ? AND s.time >= ?""",
        [app, after, since, since],
    )
    dialects = reader.frame(
        """SELECT mode(s.dialect) FILTER (t.seq > ?) AS now, mode(s.dialect) FILTER (t.seq <= ?) AS before
           FROM base.spans s JOIN base.turns t ON t.trace_id = s.trace_id
           WHERE t.app = ? AND t.time >= ? AND s.time >= ? AND s.kind IN ('llm', 'agent')""",
        [after, after, app, since, since],
    ).row(0)
    return Told(reasons["reason"][0] if reasons.height else None, int(picked["n"][0]), *dialects)


def windows(reader: Reader, since: datetime, until: datetime) -> pl.DataFrame:
    """Return app, rule_id, window_start, n, bad of the published windows of whole apps in which something was decided, the newest first."""
    return reader.frame(
        """SELECT app, rule_id, window_start, n_graded::DOUBLE AS n, value * n_graded AS bad FROM base.estimates
           WHERE segment = 'all' AND n_graded > 0 AND value IS NOT NULL AND window_start >= ? AND window_end <= ?
           ORDER BY app, rule_id, window_start DESC""",
        [since, until],
    )
