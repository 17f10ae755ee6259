"""What stands on the turns of a time: of each turn and rule the word that `monitor.store.precedence` lets stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.store.precedence import BY_MACHINE, rank
from monitor.store.reads import Reader

BUCKET: Final = timedelta(minutes=15)
"""One user within one bucket is one observation: a user who meets a fault ten times in a row is not ten users."""

LATE: Final = timedelta(days=7)
"""Turns that were graded now are still news when they are no older than this; imported history is not."""

STANDING: Final = f"""
    SELECT g.unit_id, g.rule_id, g.verdict, g.grader, g.graded_at, g.time FROM base.grades g WHERE {{where}}
    QUALIFY row_number() OVER (
        PARTITION BY g.unit_id, g.rule_id ORDER BY {rank("g")}, g.graded_at DESC, g.rowid DESC) = 1"""


def rule_counts(reader: Reader, start: datetime, end: datetime, history: timedelta) -> pl.DataFrame:
    """Return, in the order of time, app, rule_id, bucket, probability, and how many observations there are and bad ones (n, bad).

    Turns with start <= time < end, those with a decisive verdict of a machine; both times naive UTC: what people say of turns that
    somebody chose must not raise or lower what pages somebody. What is older, as far back as `history`, comes from the
    published windows that end by `start`: as one bucket each, of turns, of unknown probability.
    """
    return reader.frame(
        f"""
        WITH standing AS ({STANDING.format(where=f"g.time >= ? AND g.time < ? AND {BY_MACHINE}")}),
        drawn AS (
            SELECT unit_id, 1 - product(1 - inclusion_probability) AS inclusion_probability FROM base.samples
            WHERE time >= ? AND time < ? GROUP BY unit_id),
        seen AS (
            SELECT t.app, s.rule_id, time_bucket(INTERVAL '{BUCKET.seconds} seconds', t.time) AS bucket,
                   p.inclusion_probability AS probability, avg((s.verdict = 'violates')::DOUBLE) AS bad
            FROM standing s
            JOIN base.turns t ON t.trace_id = s.unit_id
            JOIN drawn p ON p.unit_id = s.unit_id
            WHERE s.verdict IN ('violates', 'complies') AND t.time >= ? AND t.time < ? AND p.inclusion_probability > 0
            GROUP BY t.app, s.rule_id, 3, 4, coalesce(t.user_id, t.session_id, t.trace_id))
        SELECT app, rule_id, bucket, probability, count(*)::DOUBLE AS n, sum(bad) AS bad FROM seen GROUP BY ALL
        UNION ALL
        SELECT app, rule_id, window_start, NULL, n_graded::DOUBLE, value * n_graded FROM base.estimates
        WHERE segment = 'all' AND n_graded > 0 AND value IS NOT NULL AND window_start >= ? AND window_end <= ?
        ORDER BY bucket""",
        [*[start, end] * 3, start - history, start],
    )


def standing_cases(reader: Reader, rules: Sequence[str], since: datetime) -> pl.DataFrame:
    """Return app, rule_id, unit_id, graded_at of the violations of `rules` that were graded since and stand, newest first."""
    return reader.frame(
        f"""
        WITH graded AS (SELECT DISTINCT unit_id FROM base.grades WHERE graded_at >= ? AND time >= ? AND list_contains(?, rule_id)),
        standing AS ({STANDING.format(where="g.time >= ? AND list_contains(?, g.rule_id) AND g.unit_id IN (FROM graded)")})
        SELECT t.app, s.rule_id, s.unit_id, s.graded_at FROM standing s JOIN base.turns t ON t.trace_id = s.unit_id
        WHERE s.verdict = 'violates' AND s.graded_at >= ? ORDER BY s.graded_at DESC, s.time DESC, s.unit_id""",
        [since, since - LATE, list(rules), since - LATE, list(rules), since],
    )


def system_prompts(reader: Reader, since: datetime) -> pl.DataFrame:
    """Return app, system_text, first, last, n of the system prompts that traces since then show; the newest 500 texts."""
    return reader.frame(
        """
        SELECT s.app, c.system_text, min(c.time) AS first, max(c.time) AS last, count(*) AS n
        FROM base.content c JOIN base.spans s ON s.trace_id = c.trace_id AND s.span_id = c.span_id
        WHERE c.time >= ? AND s.time >= ? AND c.system_text IS NOT NULL AND s.app IS NOT NULL
        GROUP BY ALL ORDER BY last DESC LIMIT 500""",
        [since, since],
    )
