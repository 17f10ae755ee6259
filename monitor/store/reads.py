"""What the cycle reads: each function is one question to the store, answered as a polars frame or a plain value.

New turns are those with `seq` in a half-open window (after, upto]; time bounds of that window are passed on as constants,
because zone maps prune only on constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import polars as pl

from monitor.model import dimensions
from monitor.store.ledger import DAMAGED, SUMS
from monitor.store.transaction import Params

BEGINNING: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as stored
"""Before everything."""


class Reader(Protocol):
    """Something that answers SQL: the store itself or one of its transactions."""

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame: ...
    def rows(self, sql: str, params: Params = None) -> list[tuple[Any, ...]]: ...
    def state(self, tables: Sequence[str]) -> object: ...


@dataclass(frozen=True)
class Window:
    """Turns with after < seq <= upto; `start` and `end` bound their times, both inclusive, naive UTC."""

    after: int
    upto: int
    start: datetime
    end: datetime

    @property
    def params(self) -> tuple[int, int, datetime, datetime]:
        """The four bounds in the order every query of this module takes them."""
        return (self.after, self.upto, self.start, self.end)


NEW_TURNS: Final = "t.seq > ? AND t.seq <= ? AND t.time >= ? AND t.time <= ?"


def marks(reader: Reader) -> dict[str, tuple[int, datetime | None]]:
    """Return per step how far it has come: the last `seq`, and for steps on scores the last time of receipt."""
    rows = reader.rows("SELECT step, coalesce(max(seq), 0), max(time) FROM base.marks GROUP BY step")
    return {step: (seq, time) for step, seq, time in rows}


def last_turn(reader: Reader, after: int, limit: int) -> int:
    """Return the `seq` up to which the next pass goes: at most `limit` turns beyond `after`."""
    ((seq,),) = reader.rows(
        "SELECT max(seq) FROM (SELECT seq FROM base.turns WHERE seq > ? ORDER BY seq LIMIT ?)", [after, limit]
    )
    return int(seq or after)


def newest_turn(reader: Reader) -> int:
    """Return the `seq` of the turn that was finished last; 0 when there is none."""
    ((seq,),) = reader.rows("SELECT max(seq) FROM base.turns")
    return int(seq or 0)


def window(reader: Reader, after: int, upto: int) -> Window | None:
    """Return the window (after, upto], or None when no turn lies in it."""
    ((start, end),) = reader.rows(
        "SELECT min(time), max(time) FROM base.turns WHERE seq > ? AND seq <= ?", [after, upto]
    )
    return None if start is None else Window(after, upto, start, end)


def new_turns(reader: Reader, within: Window) -> pl.DataFrame:
    """Return unit_id, time, app, model, prompt_version and release of the new turns."""
    return reader.frame(
        f"""SELECT t.trace_id AS unit_id, t.time, t.app, t.model, t.prompt_version, t.release
            FROM base.turns t WHERE {NEW_TURNS} ORDER BY t.time""",
        within.params,
    )


def stored_turns(reader: Reader, start: datetime, end: datetime, most: int | None, seed: int) -> list[int]:
    """Return the `seq` of the turns with start <= time < end in their order, or of `most` of them in the order in which `seed` draws them.

    As many of the first as one likes are a draw, too.
    """
    if most is None:
        rows = reader.frame("SELECT seq FROM base.turns WHERE time >= ? AND time < ? ORDER BY seq", [start, end])
    else:
        rows = reader.frame(
            "SELECT seq FROM base.turns WHERE time >= ? AND time < ? ORDER BY hash(trace_id || ?), seq LIMIT ?",
            [start, end, f":{seed}", most],
        )
    return rows["seq"].to_list()


def turn_row(reader: Reader, trace_id: str) -> pl.DataFrame:
    """Return the row of one turn, or none."""
    return reader.frame("SELECT * FROM base.turns WHERE trace_id = ? LIMIT 1", [trace_id])


def turns_between(reader: Reader, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the rows of the turns with start <= time < end, in the order of finishing."""
    return reader.frame("SELECT * FROM base.turns WHERE time >= ? AND time < ? ORDER BY seq", [start, end])


def new_scores(reader: Reader, after: int, upto: int) -> pl.DataFrame:
    """Return scores heard in (after, upto], those that came to have a turn: its dimensions and `score:<name>` columns.

    Scores come minutes or days after their turn, or before it is finished, so they have an order of their own.
    """
    dims = ", ".join(f"t.{name}" for name in dimensions.NAMES)
    long = reader.frame(
        f"""
        SELECT t.trace_id AS unit_id, t.time, {dims}, 'score:' || s.name AS metric, avg(s.value) AS value
        FROM base.scores s JOIN base.turns t ON t.trace_id = s.trace_id
        WHERE s.heard > ? AND s.heard <= ? AND s.value IS NOT NULL AND s.name IS NOT NULL
        GROUP BY ALL ORDER BY t.time, t.trace_id""",
        [after, upto],
    )
    keys = long.select("unit_id", "time", *dimensions.NAMES).unique("unit_id", keep="first", maintain_order=True)
    return widen(keys, long.select("unit_id", "metric", "value"))


def newest_score(reader: Reader) -> int:
    """Return the number of the score that came to have a turn last; 0 when there is none."""
    ((heard,),) = reader.rows("SELECT max(heard) FROM base.scores")
    return int(heard or 0)


def last_score(reader: Reader, after: int, limit: int) -> int | None:
    """Return the number up to which the next pass over scores goes: at most `limit` beyond `after`; None where there is none."""
    ((heard,),) = reader.rows(
        "SELECT max(heard) FROM (SELECT heard FROM base.scores WHERE heard > ? ORDER BY heard LIMIT ?)", [after, limit]
    )
    return None if heard is None else int(heard)


def widen(turns: pl.DataFrame, long: pl.DataFrame) -> pl.DataFrame:
    """Return `turns` with a column for each metric of `long` (unit_id, metric, value)."""
    if long.is_empty():
        return turns
    wide = long.pivot("metric", index="unit_id", values="value", aggregate_function="mean")
    return turns.join(wide, on="unit_id", how="left", maintain_order="left")


def unit_counts(reader: Reader, start: datetime, end: datetime) -> pl.DataFrame:
    """Return unit_id, time and dimensions of all turns with start <= time < end, graded or not."""
    dims = ", ".join(f"t.{name}" for name in dimensions.NAMES)
    return reader.frame(
        f"SELECT t.trace_id AS unit_id, t.time, {dims} FROM base.turns t WHERE t.time >= ? AND t.time < ?", [start, end]
    )


def experiments_of(reader: Reader, within: Window) -> list[str]:
    """Return the experiments that turns of a window are in."""
    rows = reader.frame(
        f"SELECT DISTINCT t.experiment FROM base.turns t WHERE t.experiment IS NOT NULL AND {NEW_TURNS}", within.params
    )
    return rows["experiment"].to_list()


def rereads(reader: Reader) -> list[str]:
    """Return the experiments whose turns changed arms after they were compared."""
    return [name for (name,) in reader.rows("SELECT DISTINCT experiment FROM base.rereads ORDER BY 1")]


def arm_units(reader: Reader) -> pl.DataFrame:
    """Return the per-unit sums of every metric of every experiment."""
    return reader.frame("SELECT * FROM base.arm_units")


def recent_findings(reader: Reader, since: datetime) -> pl.DataFrame:
    """Return findings detected after `since`."""
    return reader.frame("SELECT * FROM base.findings WHERE detected_at > ? ORDER BY detected_at", [since])


def latest_comparisons(reader: Reader) -> pl.DataFrame:
    """Return the current readout of every experiment."""
    return reader.frame(
        """
        SELECT * FROM base.comparisons
        QUALIFY row_number() OVER (PARTITION BY app, experiment, metric, arm ORDER BY computed_at DESC) = 1""",
    )


def all_findings(reader: Reader) -> pl.DataFrame:
    """Return every finding, oldest first."""
    return reader.frame("SELECT * FROM base.findings ORDER BY detected_at")


def holdings(reader: Reader) -> dict[str, Any]:
    """Return how many spans and turns there are, and when the newest span came."""
    rows = reader.frame(
        "SELECT (SELECT count(*) FROM base.spans) AS spans, (SELECT count(*) FROM base.turns) AS turns, "
        "(SELECT max(received_at) FROM base.spans) AS last_span_at"
    )
    return rows.row(0, named=True)


def ledger_sums(reader: Reader) -> dict[str, int]:
    """Return what became of everything that was ever received."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT AS {name}" for name in SUMS)
    return reader.frame(f"SELECT {sums} FROM base.ledger").row(0, named=True)


def damaged_lately(store: Reader, now: datetime) -> dict[str, str]:
    """Return what is said of the spool where a piece of it turned out to be unreadable today or yesterday; else nothing."""
    since = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    asked = "SELECT coalesce(sum(refused), 0) AS n FROM base.ledger WHERE reason = ? AND day >= ?"
    pieces = int(store.frame(asked, [DAMAGED, since])["n"][0])
    return (
        {"spool": f"{pieces} unreadable {'piece' if pieces == 1 else 'pieces'}: what they held is not stored"}
        if pieces
        else {}
    )
