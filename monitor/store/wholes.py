"""Traces and sessions as wholes: which of them may still grow, and which are complete by now.

A trace is complete when nothing more of it has come for a while, a session when nothing was said in it for longer, or when its
application said that it ended. What comes later all the same makes them wait again; they are then graded anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.model.values import Unit
from monitor.store.ddl import WHOLES
from monitor.store.opening import Transaction
from monitor.store.reads import Reader

REACH: Final = timedelta(days=1)
"""How far back from a turn its session is looked for; a session that goes on for longer is graded in parts."""

MOST: Final = 5_000
"""Wholes that are taken up at a time."""

END: Final = "end"
"""The part of an event by which an application says that a session ended."""


@dataclass(frozen=True)
class Patience:
    """How long a trace has to be quiet, and a session silent."""

    trace: timedelta
    session: timedelta


def await_wholes(txn: Transaction, turns: pl.DataFrame) -> None:
    """Note turns that were finished just now: their trace and session wait to be complete."""
    ended = pl.col("time") + pl.duration(microseconds=(pl.col("duration_ms").fill_null(0.0) * 1000).cast(pl.Int64))
    txn.insert("wholes", turns.with_columns(ended=ended).select(list(WHOLES)))


def growing(reader: Reader) -> set[str]:
    """Return the traces that may still grow."""
    return set(reader.frame("SELECT DISTINCT trace_id FROM base.wholes WHERE finished_at IS NOT NULL")["trace_id"])


def settled(reader: Reader, unit: Unit, seen: int) -> int:
    """Return the number, `seen` at most, up to which no turn waits for what it is a part of, a trace or a session, to be complete."""
    waits = "" if unit == "session" else "AND w.finished_at IS NOT NULL"
    rows = reader.frame(
        f"SELECT min(t.seq) - 1 AS seq FROM base.turns t JOIN base.wholes w USING (trace_id) WHERE t.seq <= ? {waits}",
        [seen],
    )
    return seen if rows["seq"][0] is None else int(rows["seq"][0])


def waiting(reader: Reader, now: datetime, patience: Patience) -> tuple[bool, bool]:
    """Return whether any trace may be complete by `now` (naive UTC), and any session have ended: what a look costs while none is."""
    ((traces, sessions),) = reader.rows(
        f"""
        SELECT count(*) FILTER (finished_at <= ?) > 0,
               count(*) FILTER (finished_at IS NULL AND (ended <= ? OR session_id IN (
                   SELECT session_id FROM base.events WHERE part = '{END}' AND time >= ?))) > 0
        FROM base.wholes""",
        [now - patience.trace, now - patience.session, now - REACH],
    )
    return traces, sessions


def complete_traces(reader: Reader, now: datetime, patience: Patience, seen: int) -> pl.DataFrame:
    """Return seq, time and again of the turns, up to number `seen`, whose traces have become complete by `now` (naive UTC)."""
    return reader.frame(
        f"""
        SELECT t.seq, t.time, t.trace_id, w.again FROM (
            SELECT trace_id, bool_or(again) AS again FROM base.wholes WHERE finished_at IS NOT NULL
            GROUP BY trace_id HAVING max(finished_at) <= ? AND trace_id NOT IN (SELECT trace_id FROM base.arrivals)) w
        JOIN base.turns t USING (trace_id) WHERE t.seq <= ? ORDER BY t.seq LIMIT {MOST}""",
        [now - patience.trace, seen],
    )


def take_traces(txn: Transaction, traces: pl.DataFrame, quiet_since: datetime) -> None:
    """Say that these traces were graded as they were at `quiet_since`; their sessions may wait on."""
    with txn.registered("taken", traces.select("trace_id").to_arrow()):
        txn.execute(
            "UPDATE base.wholes SET finished_at = NULL WHERE finished_at <= ? AND trace_id IN (SELECT trace_id FROM taken)",
            [quiet_since],
        )
    txn.execute(
        """DELETE FROM base.wholes WHERE finished_at IS NULL
           AND (coalesce(session_id, '') = '' OR trace_id NOT IN (SELECT trace_id FROM base.turns))"""
    )


def ended_sessions(reader: Reader, now: datetime, patience: Patience, seen: int) -> pl.DataFrame:
    """Return the sessions that have ended by `now` (naive UTC) since they were last graded: traces, in their order, seq and time of the last.

    Turns of one id with a longer silence between them are several sessions. One waits while anything of about its time is on its way.
    """
    return reader.frame(
        _SESSIONS,
        {
            "quiet": now - patience.session,
            "lately": now - REACH,
            "reach": REACH,
            "silence": patience.session,
            "patience": patience.trace,
            "seen": seen,
        },
    )


def end_sessions(txn: Transaction, sessions: pl.DataFrame) -> None:
    """Say of these sessions that they have ended: their last turns tell how many they had, and no other turn of theirs does.

    What was said of them before a turn came late is taken back: they were only a part then.
    """
    rows = sessions.select("traces", n=pl.col("traces").list.len(), last=pl.col("traces").list.last()).explode("traces")
    with txn.registered("taken", rows.to_arrow()):
        txn.execute(
            """UPDATE base.turns SET session_turns = CASE WHEN k.last = k.traces THEN k.n END FROM taken k
               WHERE turns.trace_id = k.traces AND (turns.session_turns IS NOT NULL OR k.last = k.traces)"""
        )
        txn.execute(
            """DELETE FROM base.grades WHERE unit = 'session'
               AND unit_id IN (SELECT traces FROM taken WHERE traces <> last)"""
        )


def take_sessions(txn: Transaction, sessions: pl.DataFrame) -> None:
    """Say that these sessions were graded as they are."""
    with txn.registered("taken", sessions.select("traces").explode("traces").to_arrow()):
        txn.execute("DELETE FROM base.wholes WHERE finished_at IS NULL AND trace_id IN (SELECT traces FROM taken)")


_SESSIONS: Final = f"""
    WITH said AS (
        SELECT DISTINCT session_id FROM base.events WHERE part = '{END}' AND time >= $lately AND session_id IS NOT NULL),
    quiet AS (
        SELECT w.app, w.session_id, min(w.time) - $reach AS low, max(w.time) + $reach AS high, bool_or(s.session_id IS NOT NULL) AS told
        FROM base.wholes w LEFT JOIN said s USING (session_id) WHERE w.session_id IS NOT NULL
        GROUP BY ALL HAVING count(w.finished_at) = 0 AND (max(w.ended) <= $quiet OR told)
        ORDER BY high LIMIT {MOST}),
    parts AS (
        SELECT t.app, t.session_id, t.trace_id, t.seq, t.time, t.time + to_microseconds((coalesce(t.duration_ms, 0) * 1000)::BIGINT) AS ended, q.told
        FROM base.turns t JOIN quiet q ON q.session_id = t.session_id AND q.app IS NOT DISTINCT FROM t.app
        WHERE t.time >= (SELECT min(low) FROM quiet) AND t.time <= (SELECT max(high) FROM quiet) AND t.time BETWEEN q.low AND q.high),
    begun AS (
        SELECT *, coalesce(time - max(ended) OVER (PARTITION BY app, session_id ORDER BY time, trace_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= $silence, true) AS begins FROM parts),
    numbered AS (
        SELECT *, sum(begins::INT) OVER (PARTITION BY app, session_id ORDER BY time, trace_id) AS number FROM begun),
    sessions AS (
        SELECT list(trace_id ORDER BY time, trace_id) AS traces, arg_max(seq, (time, trace_id)) AS seq, max(time) AS time,
               min(time) AS first, max(ended) AS ended, max(seq) AS newest, bool_or(told) AS told
        FROM numbered GROUP BY app, session_id, number)
    SELECT traces, seq, time FROM sessions s
    WHERE newest <= $seen AND list_has_any(traces, (SELECT list(trace_id) FROM base.wholes WHERE finished_at IS NULL))
      AND NOT EXISTS (
        SELECT 1 FROM base.arrivals a
        WHERE a.time >= s.first - $silence AND a.time <= s.ended + CASE WHEN s.told THEN $patience ELSE $silence END)
    ORDER BY s.seq"""
