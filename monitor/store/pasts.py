"""What users did before they came into an experiment: per metric the count and sum over their turns of the four weeks before."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import polars as pl

from monitor.store.precedence import AS_THEY_CAME, BY_MACHINE
from monitor.store.transaction import Transaction

BEFORE: Final = timedelta(days=28)
"""How far back a past goes: whole weeks, and no longer than people stay alike."""

MEASURES: Final = {
    "output_chars": "f.output_chars::DOUBLE",
    "duration_ms": "o.duration_ms",
    "output_tokens": "o.output_tokens::DOUBLE",
    "cost_usd": "o.cost_usd",
    "error": "(o.error_type IS NOT NULL)::DOUBLE",
}
"""Metrics by what they are of a turn, as `monitor.store.turn_measures` reads them."""

_OWN: Final = """
    SELECT w.app, w.experiment, w.unit, t.trace_id, t.duration_ms, t.output_tokens, t.cost_usd, t.error_type, t.output_span_id
    FROM wanted w JOIN base.turns t ON t.user_id = w.unit AND t.app = w.app
    WHERE t.time >= ? AND t.time <= ? AND t.time < w.since AND t.time >= w.since - INTERVAL 28 DAY
      AND t.experiment IS DISTINCT FROM w.experiment"""

_MEASURED: Final = " UNION ALL ".join(
    f"SELECT o.app, o.experiment, o.unit, '{metric}' AS metric, {value} AS value FROM own o {{features}}"
    for metric, value in MEASURES.items()
)

_QUERY: Final = f"""
    WITH own AS MATERIALIZED ({_OWN}), seen AS (
        {_MEASURED.format(features="LEFT JOIN base.features f ON f.trace_id = o.trace_id AND f.span_id = o.output_span_id")}
        UNION ALL
        SELECT o.app, o.experiment, o.unit, 'rule:' || g.rule_id, max((g.verdict = 'violates')::DOUBLE)
        FROM own o JOIN base.grades g ON g.unit_id = o.trace_id
        WHERE g.verdict IN ('violates', 'complies') AND {BY_MACHINE} AND {AS_THEY_CAME}
        GROUP BY o.app, o.experiment, o.unit, o.trace_id, g.rule_id
        UNION ALL
        SELECT o.app, o.experiment, o.unit, 'score:' || s.name, avg(s.value)
        FROM own o JOIN base.scores s ON s.trace_id = o.trace_id
        WHERE s.value IS NOT NULL AND s.name IS NOT NULL
        GROUP BY o.app, o.experiment, o.unit, o.trace_id, s.name)
    SELECT app, experiment, unit, metric, count(value)::BIGINT AS past_n, sum(value) AS past_total
    FROM seen WHERE value IS NOT NULL GROUP BY ALL ORDER BY ALL"""


def pasts(txn: Transaction, units: pl.DataFrame) -> pl.DataFrame:
    """Return app, experiment, unit, metric, past_n and past_total of `units` (app, experiment, unit, since: naive UTC).

    Of users alone: a session or a turn that was randomised has no past. Turns in the experiment itself are none.
    """
    first, last = units["since"].min(), units["since"].max()
    with txn.registered("wanted", units.to_arrow()):
        return txn.frame(_QUERY, [first - BEFORE, last])  # type: ignore[operator]  # a time column has times
