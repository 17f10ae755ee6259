"""What a replay takes from the store and gives back to it: slices of history, and the merge of its results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.model import dimensions
from monitor.model.values import Finding
from monitor.store.opening import Store, Transaction
from monitor.store.standing import STANDING

SLICES: Final = {
    "turns": """
        SELECT * REPLACE ((row_number() OVER (ORDER BY time, trace_id) + {fed})::BIGINT AS seq)
        FROM base.turns WHERE time > ? AND time <= ?""",
    "features": """
        SELECT f.* FROM base.features f JOIN base.turns t ON t.trace_id = f.trace_id AND t.output_span_id = f.span_id
        WHERE t.time > ? AND t.time <= ?""",
    "content": """
        SELECT c.* FROM base.content c JOIN base.turns t
            ON t.trace_id = c.trace_id AND c.span_id IN (t.input_span_id, t.output_span_id)
        WHERE t.time > ? AND t.time <= ?""",
    "spans": """
        SELECT span_id, trace_id, time, app, fingerprint FROM base.spans
        WHERE fingerprint IS NOT NULL AND time > ? AND time <= ?""",
    "changes": "SELECT * FROM base.changes WHERE time > ? AND time <= ?",
    "scores": "SELECT * REPLACE (time AS received_at, NULL::BIGINT AS heard) FROM base.scores WHERE time > ? AND time <= ?",
}
"""What one slice of history consists of. A score is replayed at the time it is about."""

TICK: Final = timedelta(microseconds=1)
"""The least that two times can differ by."""

SAME: Final = {
    "samples": ("unit_id",),
    "judge_draws": ("unit_id", "rule_id"),
    "grades": ("unit_id", "rule_id", "policy_hash", "grader_version"),
    "estimates": ("rule_id", "app", "segment", "window_start"),
    "comparisons": ("app", "experiment", "metric", "arm"),
}
"""When a replayed row says what a stored row says already; the stored one stays."""


def turns_by_step(main: Store, start: datetime, end: datetime, step: timedelta) -> dict[int, int]:
    """Return how many turns each step (1, 2, ...) holds; most hours of most histories hold none."""
    rows = main.frame(
        """
        SELECT greatest(1, ceil(epoch(time - ?) / ?))::BIGINT AS number, count(*) AS n
        FROM base.turns WHERE time >= ? AND time <= ? GROUP BY ALL""",
        [start, step.total_seconds(), start, end],
    )
    return dict(rows.iter_rows())


def feed(main: Store, scratch: Store, fed: int, after: datetime, upto: datetime) -> int:
    """Copy turns, features, texts and scores of (after, upto] into `scratch`, which holds `fed` turns already.

    Returns the number of turns copied.
    """
    slices = {table: main.read(sql.format(fed=fed), [after, upto]) for table, sql in SLICES.items()}
    with scratch.transaction() as txn:
        for table, rows in slices.items():
            txn.insert(table, rows)
    return int(slices["turns"].num_rows)


def forget_texts(scratch: Store) -> None:
    """Drop texts: what grades them needs them, and ninety days of them would not fit in memory."""
    with scratch.transaction() as txn:
        txn.execute("DELETE FROM base.content")


def turns_fed(scratch: Store, after: int) -> pl.DataFrame:
    """Return seq, trace_id, time, app, whether a turn came as it happened (`live`) and whether it ended a session, of the turns beyond `after`."""
    return scratch.frame(
        """
        SELECT seq, trace_id, time, app, finished_at - time < INTERVAL 1 HOUR AS live, session_turns IS NOT NULL AS ended
        FROM base.turns WHERE seq > ? ORDER BY seq""",
        [after],
    )


def violations_fed(scratch: Store, start: datetime, end: datetime) -> pl.DataFrame:
    """Return app, rule_id, unit_id, graded_at, time of the violations that stand on turns with start <= time <= end."""
    return scratch.frame(
        f"""
        WITH standing AS ({STANDING.format(where="g.time >= ? AND g.time <= ?")})
        SELECT t.app, s.rule_id, s.unit_id, s.graded_at, s.time FROM standing s JOIN base.turns t ON t.trace_id = s.unit_id
        WHERE s.verdict = 'violates' AND t.time >= ? AND t.time <= ? ORDER BY s.time, s.unit_id""",
        [start, end, start, end],
    )


def scores_heard(scratch: Store) -> pl.DataFrame:
    """Return the scores that have a turn since they were asked for last: unit_id, time, dimensions, metric, value, and when they `came`."""
    dims = ", ".join(f"t.{name}" for name in dimensions.NAMES)
    rows = scratch.frame(
        f"""
        SELECT t.trace_id AS unit_id, t.time, {dims}, 'score:' || s.name AS metric, s.value, greatest(s.time, t.time) AS came
        FROM base.scores s JOIN base.turns t ON t.trace_id = s.trace_id
        WHERE s.heard IS NULL AND s.value IS NOT NULL AND s.name IS NOT NULL ORDER BY s.time, s.trace_id, s.key"""
    )
    if not rows.is_empty():
        with scratch.transaction() as txn:
            txn.execute(
                "UPDATE base.scores SET heard = 1 WHERE heard IS NULL AND trace_id IN (SELECT trace_id FROM base.turns)"
            )
    return rows


def merge(main: Store, scratch: Store, start: datetime, end: datetime) -> dict[str, int]:
    """Write what a replay of [start, end] decided into the main store; return rows added per table.

    Missing samples, verdicts and readouts are added; rates of whole windows inside the days are replaced; findings of an
    earlier replay of these days are replaced; a live finding of the same change keeps the replayed one out.
    """
    results = {name: scratch.frame(f"SELECT * FROM base.{name}") for name in [*SAME, "findings"]}
    with main.transaction() as txn:
        txn.execute("DELETE FROM base.estimates WHERE window_start >= ? AND window_end <= ?", [start, end])
        txn.execute("DELETE FROM base.findings WHERE origin = 'replay' AND since >= ? AND since <= ?", [start, end])
        fresh = {name: _missing(txn, name, results[name], keys) for name, keys in SAME.items()}
        fresh["findings"] = _unheard(txn, results["findings"])
        for name, rows in fresh.items():
            txn.insert(name, rows)
        # what people say is not replayed: the rates that it corrects are made anew by the next cycle
        txn.execute(
            """INSERT INTO base.stale SELECT DISTINCT time FROM base.grades
               WHERE starts_with(grader, 'human:') AND time >= ? AND time <= ?""",
            [start, end],
        )
    return {name: rows.height for name, rows in fresh.items()}


def _missing(txn: Transaction, name: str, rows: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    stored = txn.frame(f"SELECT DISTINCT {', '.join(keys)} FROM base.{name}")
    return rows.join(stored, on=keys, how="anti", nulls_equal=True)


def _unheard(txn: Transaction, findings: pl.DataFrame) -> pl.DataFrame:
    """Findings that no stored finding tells: same metric and app, overlapping intervals of the start."""
    told = txn.frame("SELECT metric, app, since_low AS told_low, since_high AS told_high FROM base.findings")
    overlap = (pl.col("told_low") <= pl.col("since_high")) & (pl.col("since_low") <= pl.col("told_high"))
    heard = findings.join(told, on=["metric", "app"]).filter(overlap).select("id")
    return findings.join(heard, on="id", how="anti").with_columns(origin=pl.lit("replay"))


def forget_replayed(txn: Transaction, live: Sequence[Finding]) -> None:
    """Drop replayed findings of changes that are now told live: one change stands once."""
    for finding in live:
        txn.execute(
            """DELETE FROM base.findings WHERE origin = 'replay' AND metric = ? AND app = ?
               AND since_low <= ? AND since_high >= ?""",
            [finding.metric, finding.app, naive_utc(finding.since_high), naive_utc(finding.since_low)],
        )
