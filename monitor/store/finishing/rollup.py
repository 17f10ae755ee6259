"""Hourly sums per app, environment and model: what the overview draws, so that it stays quick while spans pile up."""

from __future__ import annotations

from typing import Final

from monitor.store.opening import Transaction

BOUNDS_MS: Final = (50, 100, 200, 400, 800, 1_200, 1_600, 2_400, 3_200, 4_800, 6_400, 9_600, 12_800, 25_600, 51_200)
"""Upper bounds of the duration histogram; one more bin takes the rest."""


def roll_up(txn: Transaction, traces: list[str], bounds: str) -> None:
    """Add new turns to the sums of their hours: a row more a call, until `compact` makes one of them."""
    if not traces:
        return
    steps = " ".join(f"WHEN duration_ms <= {bound} THEN {number}" for number, bound in enumerate(BOUNDS_MS))
    txn.execute(
        f"""
        INSERT INTO base.rollup
        WITH added AS (
            SELECT *, date_trunc('hour', time) AS hour, CASE {steps} ELSE {len(BOUNDS_MS)} END AS bin
            FROM base.turns WHERE {bounds} AND list_contains(?, trace_id)),
        summed AS (
            SELECT hour, app, environment, model, count(*) AS turns, count(error_type) AS errors,
                   sum(n_calls)::BIGINT AS calls, sum(input_tokens)::BIGINT AS tokens_in,
                   sum(output_tokens)::BIGINT AS tokens_out, sum(cost_usd) AS cost, sum(duration_ms) AS ms, list(bin) AS bins
            FROM added GROUP BY hour, app, environment, model)
        SELECT hour, app, environment, model, turns, errors, calls, tokens_in, tokens_out, cost, ms,
               to_json(list_transform(range({len(BOUNDS_MS) + 1}),
                       lambda k: len(list_filter(bins, lambda b: b = k))))::VARCHAR
        FROM summed""",
        [traces],
    )


MOST_HOURS: Final = 24
"""Hours that are summed in one transaction: loading waits for it."""


def compact(txn: Transaction) -> int:
    """Make one row again of what finishing added to each hour, app, environment and model: return how many hours were summed, the oldest first."""
    several = "SELECT hour FROM base.rollup GROUP BY hour, app, environment, model HAVING count(*) > 1"
    hours = txn.frame(f"SELECT DISTINCT hour FROM ({several}) ORDER BY hour LIMIT {MOST_HOURS}")["hour"].to_list()
    if hours:
        txn.execute("CREATE OR REPLACE TEMP TABLE sums AS SELECT * FROM hours WHERE list_contains(?, hour)", [hours])
        txn.execute("DELETE FROM base.rollup WHERE list_contains(?, hour)", [hours])
        txn.execute("INSERT INTO base.rollup BY NAME SELECT * FROM temp.sums")
    return len(hours)
