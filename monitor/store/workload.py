"""What applications went through lately, beside what is usual for them: turns, failures, times, spending, thumbs.

Only turns that were finished within an hour of their time count: what an import brings along is nobody's night.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.store.reads import Reader

LATELY: Final = timedelta(hours=1)
USUAL: Final = timedelta(days=7)
"""How far back "usual" reaches."""


def workload(reader: Reader, moments: Sequence[datetime]) -> pl.DataFrame:
    """Return a row per moment (naive UTC) and app, as of then; `moments` are in order.

    `n`, `failed` and the sorted `durations` (ms) are of the last hour, `spent` (USD) of the last day; `*_before` are of the seven days
    before, `spent_before` per day of them, `at_this_hour` and
    `week_ago` the turns in this hour of the day, on seven days and a week ago. `days` says how much is known of them.
    """
    return reader.frame(
        """
        WITH live AS (
            SELECT m.moment, app, epoch(m.moment - time) AS age, duration_ms, cost_usd, error_type IS NOT NULL AS failed
            FROM base.turns JOIN (SELECT unnest(?::TIMESTAMP[]) AS moment) m ON time <= m.moment AND time > m.moment - to_microseconds(?)
            WHERE time > ? AND time <= ? AND finished_at - time < INTERVAL 1 HOUR)
        SELECT moment, app, max(age) / 86400 AS days,
            count(*) FILTER (age < 3600) AS n,
            count(*) FILTER (age < 3600 AND failed) AS failed,
            list(duration_ms ORDER BY duration_ms) FILTER (age < 3600 AND duration_ms IS NOT NULL) AS durations,
            sum(cost_usd) FILTER (age < 86400) AS spent,
            count(*) FILTER (age >= 3600) AS n_before,
            count(*) FILTER (age >= 3600 AND failed) AS failed_before,
            quantile_cont(duration_ms, 0.95) FILTER (age >= 3600) AS p95_before,
            sum(cost_usd) FILTER (age >= 86400) AS spent_before,
            count(*) FILTER (age >= 86400 AND age % 86400 < 3600 AND age < 608400) AS at_this_hour,
            count(*) FILTER (age >= 604800 AND age < 608400) AS week_ago
        FROM live GROUP BY moment, app ORDER BY moment, app""",
        _bounds(moments),
    )


def _bounds(moments: Sequence[datetime]) -> list[Any]:
    """The moments, how far each looks back, and the constants between which all of them do."""
    reach = USUAL + timedelta(days=1)
    return [list(moments), reach // timedelta(microseconds=1), moments[0] - reach, moments[-1]]


def thumbs(reader: Reader, moments: Sequence[datetime]) -> pl.DataFrame:
    """Return per moment (naive UTC) and app how users scored the turns of the last day and of the seven before: n, bad, n_before, bad_before.

    Only scores between -1 and 1 count, of which 0 and less are bad; other scales do not say where bad begins.
    """
    return reader.frame(
        """
        WITH said AS (
            SELECT m.moment, t.app, s.time > m.moment - INTERVAL 1 DAY AS lately, s.value <= 0 AS bad
            FROM base.scores s JOIN base.turns t USING (trace_id)
            JOIN (SELECT unnest(?::TIMESTAMP[]) AS moment) m ON s.time <= m.moment AND s.time > m.moment - to_microseconds(?)
            WHERE s.source = 'user' AND abs(s.value) <= 1 AND s.time > ? AND s.time <= ? AND s.received_at - s.time < INTERVAL 1 HOUR)
        SELECT moment, app, count(*) FILTER (lately) AS n, count(*) FILTER (lately AND bad) AS bad,
            count(*) FILTER (NOT lately) AS n_before, count(*) FILTER (NOT lately AND bad) AS bad_before
        FROM said GROUP BY moment, app ORDER BY moment, app""",
        _bounds(moments),
    )
