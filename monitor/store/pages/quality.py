"""Reads of the Quality page: published rates with their intervals, verdicts, and the turns behind them."""

from __future__ import annotations

from typing import Final

from monitor.store.pages.shapes import IN_SCOPE, PAGE, SCOPE, PageRead, Param
from monitor.store.pages.traces import LATEST_GRADES, SHOWN, VERDICTS

_WINDOWS: Final = """e.window_end > $start AND e.window_start < $end AND ($app IS NULL OR e.app = $app)
    AND e.segment = coalesce($segment, 'all') AND ($rule IS NULL OR e.rule_id = $rule)"""

ENOUGH: Final = 30
"""A window that has only begun says little; an older full one says more, until the new one holds this many turns."""

_RULE: Final = {"rule": Param("text")}
_RATES: Final = {name: SCOPE[name] for name in ("start", "end", "app")} | _RULE | {"segment": Param("text")}

READS: Final[dict[str, PageRead]] = {
    "rates": PageRead(
        f"SELECT e.* FROM base.estimates e WHERE {_WINDOWS} ORDER BY e.app, e.rule_id, e.window_start LIMIT 20000",
        _RATES,
        "every published rate of the range; value is NULL where nothing was graded",
    ),
    "rates_now": PageRead(
        f"""SELECT e.* FROM base.estimates e WHERE {_WINDOWS} AND e.n_graded > 0
            QUALIFY row_number() OVER (PARTITION BY e.rule_id, e.app ORDER BY
                e.n_graded >= {ENOUGH} DESC, e.window_start DESC) = 1
            ORDER BY e.low DESC NULLS LAST, e.value DESC NULLS LAST, e.n_graded DESC, e.app, e.rule_id""",
        _RATES,
        "per rule and app the newest rate that rests on enough turns, the most certainly violated rule first, then the best known",
    ),
    "verdicts": PageRead(
        f"""SELECT g.rule_id, g.verdict, count(*) AS n
            FROM {LATEST_GRADES} g JOIN base.turns t ON t.trace_id = g.unit_id
            WHERE {IN_SCOPE} GROUP BY g.rule_id, g.verdict ORDER BY g.rule_id, g.verdict""",
        SCOPE,
        "how many turns got which verdict, per rule",
    ),
    "violations": PageRead(
        f"""
        WITH picked AS (
            SELECT t.*, g.rule_id, g.verdict, g.score, g.reason, g.grader, count(*) OVER () AS n_found
            FROM {LATEST_GRADES} g JOIN base.turns t ON t.trace_id = g.unit_id
            WHERE {IN_SCOPE} AND g.verdict = $verdict AND ($rule IS NULL OR g.rule_id = $rule)
            ORDER BY t.time DESC, t.trace_id, g.rule_id LIMIT $limit OFFSET $offset)
        {SHOWN} ORDER BY p.time DESC, p.trace_id, p.rule_id""",
        SCOPE | PAGE | _RULE | {"verdict": Param("choice", "violates", VERDICTS)},
        "the newest turns with a verdict, with the reason the grader gave",
    ),
}
