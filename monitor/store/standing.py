"""What stands on the turns of a time: of each turn and rule the word that `monitor.store.precedence` lets stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.store.precedence import LATER, rank
from monitor.store.reads import Reader

BUCKET: Final = timedelta(minutes=15)
"""One user within one bucket is one observation: a user who meets a fault ten times in a row is not ten users."""

LATE: Final = timedelta(days=7)
"""Turns that were graded now are still news when they are no older than this; imported history is not."""

Stream = tuple[str | None, str]
"""App and rule."""

STANDING: Final = f"""
    SELECT g.unit_id, g.rule_id, g.verdict, g.grader, g.graded_at, g.time FROM base.grades g WHERE {{where}}
    QUALIFY row_number() OVER (
        PARTITION BY g.unit_id, g.rule_id ORDER BY {rank("g")}, g.graded_at DESC, g.rowid DESC) = 1"""


_CASES: Final = pl.Schema(
    {"app": pl.String(), "rule_id": pl.String(), "unit_id": pl.String(), "graded_at": pl.Datetime("us")}
)


def published_counts(reader: Reader, start: datetime, end: datetime) -> pl.DataFrame:
    """Return app, rule_id, bucket, probability (NULL), n and bad, in the order of time, of the windows in [start, end) as published.

    Each window is one bucket, of turns, of unknown probability.
    """
    return reader.frame(
        """
        SELECT app, rule_id, window_start AS bucket, NULL::DOUBLE AS probability, n_graded::DOUBLE AS n, value * n_graded AS bad
        FROM base.estimates WHERE segment = 'all' AND n_graded > 0 AND value IS NOT NULL AND window_start >= ? AND window_end <= ?
        ORDER BY bucket, app, rule_id""",
        [start, end],
    )


def standing_cases(reader: Reader, rules: Sequence[str], since: datetime) -> pl.DataFrame:
    """Return app, rule_id, unit_id, graded_at of the violations of `rules` that were graded since and stand, newest first."""
    any_case = """
        SELECT 1 FROM base.grades
        WHERE verdict = 'violates' AND graded_at >= ? AND time >= ? AND list_contains(?, rule_id) LIMIT 1"""
    if not rules or not reader.rows(any_case, [since, since - LATE, list(rules)]):
        return pl.DataFrame(schema=_CASES)
    return reader.frame(
        f"""
        WITH graded AS (SELECT DISTINCT unit_id FROM base.grades WHERE graded_at >= ? AND time >= ? AND list_contains(?, rule_id)),
        standing AS ({STANDING.format(where="g.time >= ? AND list_contains(?, g.rule_id) AND g.unit_id IN (FROM graded)")})
        SELECT t.app, s.rule_id, s.unit_id, s.graded_at FROM standing s JOIN base.turns t ON t.trace_id = s.unit_id
        WHERE s.verdict = 'violates' AND s.graded_at >= ? ORDER BY s.graded_at DESC, s.time DESC, s.unit_id""",
        [since, since - LATE, list(rules), since - LATE, list(rules), since],
    )


def violating_units(
    reader: Reader, streams: Mapping[Stream, datetime], start: datetime, end: datetime, limit: int
) -> dict[Stream, list[str]]:
    """Return of each stream the newest units that violate its rule by the verdict that stands, at most `limit`.

    `streams` tells since when each has about so many: where it has fewer, all the time is read for its rule. Streams that were not
    asked for may be there too, and lack some.
    """
    rules: dict[str, datetime] = {}
    for (_, rule), since in streams.items():
        rules[rule] = max(start, min(since, rules.get(rule, since)))
    found = _violating(reader, rules, end, limit) if rules else {}
    lacking = {rule: start for app, rule in streams if len(found.get((app, rule), ())) < limit and rules[rule] > start}
    return found | (_violating(reader, lacking, end, limit) if lacking else {})


def _violating(reader: Reader, rules: Mapping[str, datetime], end: datetime, limit: int) -> dict[Stream, list[str]]:
    """Return the newest units that violate each rule since the time given with it."""
    names, start = [*rules], min(rules.values())
    rows = reader.rows(
        f"""
        WITH bad AS (
            SELECT *, rowid FROM base.grades
            WHERE list_contains(?, rule_id) AND verdict = 'violates' AND time >= ? AND time < ?
              AND time >= list_extract(?::TIMESTAMP[], list_position(?, rule_id))),
        words AS (SELECT *, rowid FROM base.grades SEMI JOIN bad USING (unit_id, rule_id) WHERE time >= ? AND time < ?)
        SELECT t.app, g.rule_id, g.unit_id FROM bad g ANTI JOIN words l ON {LATER} JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE t.time >= ? AND t.time < ?
        QUALIFY row_number() OVER (PARTITION BY t.app, g.rule_id ORDER BY g.time DESC) <= ? ORDER BY g.time DESC""",
        [names, start, end, [*rules.values()], names, *[start, end] * 2, limit],
    )
    found: dict[Stream, list[str]] = {}
    for app, rule, unit in rows:
        found.setdefault((app, rule), []).append(unit)
    return found


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


def standing_findings(reader: Reader, since: datetime) -> pl.DataFrame:
    """Return findings that are open, or were found or closed after `since`, in the order in which they were found."""
    return reader.frame(
        """SELECT * REPLACE (coalesce(state, 'expired') AS state) FROM base.findings
           WHERE state = 'open' OR detected_at > ? OR state_at > ? ORDER BY detected_at""",
        [since, since],
    )
