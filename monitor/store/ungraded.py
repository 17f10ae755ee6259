"""Turns that lack a verdict: what a backfill looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from monitor.model.values import Unit
from monitor.store.precedence import BY_MACHINE
from monitor.store.reads import Reader


def picked(
    reader: Reader, start: datetime, end: datetime, seen: int, rules: Mapping[str, Unit], *, again: bool
) -> list[int]:
    """Return the numbers, up to `seen`, of the turns of a time that a plan picked and that lack a machine's verdict of one of `rules`.

    With `again` also those that lack none. A rule about sessions says something of turns alone with which one ended. Times are naive UTC.
    """
    ended = sum(unit == "session" for unit in rules.values())
    rows = reader.frame(
        f"""
        SELECT t.seq FROM base.turns t SEMI JOIN base.samples s ON s.unit_id = t.trace_id
        LEFT JOIN (SELECT unit_id, count(DISTINCT rule_id) AS n FROM base.grades g
                   WHERE time >= ? AND time < ? AND list_contains(?, rule_id) AND {BY_MACHINE} GROUP BY 1) g ON g.unit_id = t.trace_id
        WHERE t.time >= ? AND t.time < ? AND t.seq <= ? AND (? > 0 OR t.session_turns IS NOT NULL)
          AND (? OR coalesce(g.n, 0) < ? + CASE WHEN t.session_turns IS NULL THEN 0 ELSE ? END) ORDER BY t.seq""",
        [start, end, list(rules), start, end, seen, len(rules) - ended, again, len(rules) - ended, ended],
    )
    return rows["seq"].to_list()


def said_last(reader: Reader, units: Sequence[str]) -> pl.DataFrame:
    """Return unit_id, rule_id, verdict and reason of the newest word of a machine on each of `units` and rule."""
    return reader.frame(
        f"""SELECT unit_id, rule_id, verdict, reason FROM base.grades g WHERE list_contains(?, unit_id) AND {BY_MACHINE}
            QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY graded_at DESC, rowid DESC) = 1""",
        [list(units)],
    )


def judged(reader: Reader, start: datetime, end: datetime) -> pl.DataFrame:
    """Return unit_id and rule_id of what a machine has judged of the turns of a time."""
    return reader.frame(
        f"SELECT DISTINCT unit_id, rule_id FROM base.grades g WHERE time >= ? AND time < ? AND {BY_MACHINE}",
        [start, end],
    )


def turns_named(reader: Reader, trace_ids: Sequence[str]) -> pl.DataFrame:
    """Return unit_id, seq, time, app and what may be new of the turns that are named."""
    return reader.frame(
        """SELECT trace_id AS unit_id, seq, time, app, model, prompt_version, release FROM base.turns
           WHERE list_contains(?, trace_id)""",
        [list(trace_ids)],
    )


def arms_of(reader: Reader, units: Sequence[str]) -> list[str]:
    """Return the experiments that turns are in."""
    rows = reader.frame(
        "SELECT DISTINCT experiment FROM base.turns WHERE experiment IS NOT NULL AND list_contains(?, trace_id)",
        [list(units)],
    )
    return rows["experiment"].to_list()
