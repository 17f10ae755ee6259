"""Pieces of time, and whether anything of them has changed: what tells a reader that keeps results what to read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.store.reads import Reader

_IDENTITY: Final = ("app", "user_id", "session_id")
"""Columns of turns that say whose a turn is: they may be filled in later, without a new row."""


def signatures(
    reader: Reader, start: datetime, end: datetime, width: timedelta, columns: Sequence[str]
) -> dict[datetime, tuple[Any, ...]]:
    """Return per piece of time (multiples of `width` since 1970, from the one of `start` on) what changes when anything in it does.

    The first entry is the number of turns. Turns, draws and grades with start <= time < end are looked at; of turns their
    `columns` too. `start` and `end` are bounds of pieces.
    """
    piece = f"time_bucket(INTERVAL '{width // timedelta(seconds=1)} seconds', time, TIMESTAMP '1970-01-01') AS piece"
    hashed = ", ".join(dict.fromkeys((*_IDENTITY, *columns)))
    within = "WHERE time >= ? AND time < ? GROUP BY 1"
    rows = reader.frame(
        f"""
        WITH t AS (SELECT {piece}, count(*) AS n, max(rowid) AS newest, max(finished_at) AS at, bit_xor(hash({hashed}, rowid)) AS whose
                   FROM base.turns {within}),
        s AS (SELECT {piece}, count(*) AS n, max(rowid) AS newest FROM base.samples {within}),
        d AS (SELECT {piece}, count(*) AS n, max(rowid) AS newest FROM base.judge_draws {within}),
        g AS (SELECT {piece}, count(*) AS n, max(rowid) AS newest, max(graded_at) AS at FROM base.grades {within})
        SELECT piece, t.n, t.newest, t.at, t.whose, s.n AS n_samples, s.newest AS sampled, d.n AS n_draws, d.newest AS drawn, g.n AS n_grades, g.newest AS graded, g.at AS graded_at
        FROM t LEFT JOIN s USING (piece) LEFT JOIN d USING (piece) LEFT JOIN g USING (piece)""",
        [start, end] * 4,
    )
    return {row[0]: row[1:] for row in rows.iter_rows()}


def turn_counts(
    reader: Reader, start: datetime, end: datetime, span: timedelta, shift: timedelta, columns: Sequence[str]
) -> pl.DataFrame:
    """Return app, segment `columns`, time, n and sessions: how many turns with start <= time < end there are, and sessions that ended so.

    `time` is the begin of the window of length `span` they lie in; windows begin `shift` after multiples of `span` since 1970.
    """
    names = "".join(f", t.{name}" for name in columns)
    return reader.frame(
        f"""
        SELECT t.app{names}, time_bucket(to_microseconds(?), t.time, make_timestamp(?)) AS time, count(*) AS n, count(t.session_turns) AS sessions
        FROM base.turns t WHERE t.time >= ? AND t.time < ? GROUP BY ALL""",
        [span // timedelta(microseconds=1), shift // timedelta(microseconds=1), start, end],
    )
