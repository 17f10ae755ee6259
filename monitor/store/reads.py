"""What the cycle reads: each function is one question to the store, answered as a polars frame or a plain value.

New turns are those with `seq` in a half-open window (after, upto]; time bounds of that window are passed on as constants,
because zone maps prune only on constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import polars as pl

from monitor.model import dimensions
from monitor.model.values import Turn
from monitor.store.ledger import DAMAGED, SUMS
from monitor.store.measured import ERROR, NUMBERS, columns
from monitor.store.precedence import AS_THEY_CAME, BY_MACHINE
from monitor.store.transaction import Params

BEGINNING: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as stored
"""Before everything."""


class Reader(Protocol):
    """Something that answers SQL: the store itself or one of its transactions."""

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame: ...


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
    rows = reader.frame("SELECT step, coalesce(max(seq), 0) AS seq, max(time) AS time FROM base.marks GROUP BY step")
    return {step: (seq, time) for step, seq, time in rows.iter_rows()}


def last_turn(reader: Reader, after: int, limit: int) -> int:
    """Return the `seq` up to which the next pass goes: at most `limit` turns beyond `after`."""
    rows = reader.frame(
        "SELECT max(seq) AS seq FROM (SELECT seq FROM base.turns WHERE seq > ? ORDER BY seq LIMIT ?)", [after, limit]
    )
    return int(rows["seq"][0] or after)


def newest_turn(reader: Reader) -> int:
    """Return the `seq` of the turn that was finished last; 0 when there is none."""
    return int(reader.frame("SELECT coalesce(max(seq), 0) AS seq FROM base.turns")["seq"][0])


def window(reader: Reader, after: int, upto: int) -> Window | None:
    """Return the window (after, upto], or None when no turn lies in it."""
    rows = reader.frame(
        "SELECT min(time) AS start, max(time) AS end FROM base.turns WHERE seq > ? AND seq <= ?", [after, upto]
    )
    start, end = rows.row(0)
    return None if start is None else Window(after, upto, start, end)


def new_turns(reader: Reader, within: Window) -> pl.DataFrame:
    """Return unit_id, time, app, model, prompt_version and release of the new turns."""
    return reader.frame(
        f"""SELECT t.trace_id AS unit_id, t.time, t.app, t.model, t.prompt_version, t.release
            FROM base.turns t WHERE {NEW_TURNS} ORDER BY t.time""",
        within.params,
    )


def sampled_turns(reader: Reader, within: Window) -> list[Turn]:
    """Return the new turns that were sampled, with their texts."""
    picked = f"SELECT t.* FROM base.turns t SEMI JOIN base.samples s ON s.unit_id = t.trace_id WHERE {NEW_TURNS}"
    return _with_texts(reader, picked, within.params, within.start)


def sampled_at(reader: Reader, seqs: Sequence[int], since: datetime) -> list[Turn]:
    """Return those of the turns with these `seq`, none of them before `since`, that were sampled, with their texts."""
    picked = (
        "SELECT t.* FROM base.turns t SEMI JOIN base.samples s ON s.unit_id = t.trace_id WHERE list_contains(?, seq)"
    )
    return _with_texts(reader, picked, [list(seqs)], since)


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


def turns_at(reader: Reader, seqs: Sequence[int], since: datetime) -> list[Turn]:
    """Return the turns with these `seq`, none of them before `since`, with their texts."""
    return _with_texts(reader, "SELECT * FROM base.turns WHERE list_contains(?, seq)", [list(seqs)], since)


def turn_row(reader: Reader, trace_id: str) -> pl.DataFrame:
    """Return the row of one turn, or none."""
    return reader.frame("SELECT * FROM base.turns WHERE trace_id = ? LIMIT 1", [trace_id])


def turns_between(reader: Reader, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the rows of the turns with start <= time < end, in the order of finishing."""
    return reader.frame("SELECT * FROM base.turns WHERE time >= ? AND time < ? ORDER BY seq", [start, end])


def _with_texts(reader: Reader, picked: str, params: Sequence[Any], since: datetime) -> list[Turn]:
    rows = reader.frame(
        f"""
        WITH picked AS ({picked})
        SELECT p.trace_id AS unit_id, p.time, p.app, p.environment, p.model, p.user_id, p.session_id, p.error_type,
               p.region, p.channel, p.audience, p.tenant, p.language,
               coalesce(i.input_value, user_text(i.input_messages)) AS input_text,
               coalesce(o.output_value, answer_text(o.output_messages)) AS output_text,
               coalesce(o.system_text, i.system_text) AS system_text,
               users_texts(i.input_messages) AS conversation
        FROM picked p
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) i
            ON i.trace_id = p.trace_id AND i.span_id = p.input_span_id
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) o
            ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id
        ORDER BY p.time""",
        [*params, since, since],
    )
    return [Turn(**{**row, "time": row["time"].replace(tzinfo=UTC)}) for row in rows.iter_rows(named=True)]


def turn_metrics(reader: Reader, within: Window, policies: Sequence[str] | None = None) -> pl.DataFrame:
    """Return one row a new turn: its dimensions and what was measured of it, NULL where unknown.

    Metric columns: `output_chars`, `duration_ms`, `output_tokens`, `cost_usd`, `error`, and `rule:<id>` per rule that a machine
    graded: what people say never enters, since they look at some turns only, and at those late. With `policies` (hashes) no verdict
    of any other policy does.
    """
    dims = ", ".join(f"t.{name}" for name in dimensions.NAMES)
    turns = reader.frame(
        f"""
        SELECT t.trace_id AS unit_id, t.time, {dims}, {columns({**NUMBERS, **ERROR})}
        FROM base.turns t
        LEFT JOIN (SELECT * FROM base.features WHERE time >= ?) f
            ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id
        WHERE {NEW_TURNS} ORDER BY t.time, t.trace_id""",
        [within.start, *within.params],
    )
    grades = reader.frame(
        f"""
        SELECT g.unit_id, 'rule:' || g.rule_id AS metric, max((g.verdict = 'violates')::DOUBLE) AS value
        FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE g.time >= ? AND g.verdict IN ('violates', 'complies') AND {BY_MACHINE} AND {AS_THEY_CAME} AND {NEW_TURNS}
          AND (?::VARCHAR[] IS NULL OR list_contains(?::VARCHAR[], g.policy_hash))
        GROUP BY ALL""",
        [within.start, *within.params, policies, policies],
    )
    return widen(turns, grades)


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


def last_score(reader: Reader, after: int, limit: int) -> int | None:
    """Return the number up to which the next pass over scores goes: at most `limit` beyond `after`; None where there is none."""
    rows = reader.frame(
        "SELECT max(heard) AS n FROM (SELECT heard FROM base.scores WHERE heard > ? ORDER BY heard LIMIT ?)",
        [after, limit],
    )
    return rows["n"][0]  # type: ignore[no-any-return]


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
    return reader.frame("SELECT DISTINCT experiment FROM base.rereads ORDER BY 1")["experiment"].to_list()


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
