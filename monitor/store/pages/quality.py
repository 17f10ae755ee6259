"""Reads of the Quality page: published rates with their intervals, verdicts, and the turns behind them."""

from __future__ import annotations

from typing import Final

from monitor.model.dimensions import OF_AUDIENCE
from monitor.store.pages.last_words import EVERY_LAST_WORD, VERDICTS, last_words
from monitor.store.pages.shapes import IN_SCOPE, PAGE, SCOPE, SHOWN, Lent, PageRead, Param, Picked, whole
from monitor.store.pages.traces import AFTER
from monitor.store.precedence import LATER

_WINDOWS: Final = """e.window_end > $start AND e.window_start < $end AND ($app IS NULL OR e.app = $app)
    AND e.segment = coalesce($segment, 'all') AND ($rule IS NULL OR e.rule_id = $rule)"""

ENOUGH: Final = 30
"""A window that has only begun says little; an older full one says more, until the new one holds this many turns."""

_RULE: Final = {"rule": Param("text")}
_RATES: Final = {name: SCOPE[name] for name in ("start", "end", "app")} | _RULE | {"segment": Param("text")}

_Z: Final = 1.959964
_Z2: Final = _Z * _Z
"""Of Wilson's interval at 95 % (JASA 1927)."""

_AFTER_RULE: Final = "decode(from_base64(split_part($after, ' ', 1)))"
_TOLD: Final = last_words("g.verdict = $verdict AND ($rule IS NULL OR g.rule_id = $rule)")

_STAGES: Final = """count(*) AS received, count(f.trace_id) AS readable, count(s.unit_id) AS sampled,
                count(g.unit_id) AS graded, count(*) FILTER (WHERE g.decided) AS decided"""
_FATE: Final = """base.turns t
            LEFT JOIN (SELECT DISTINCT trace_id, span_id FROM base.features WHERE output_chars > 0) f
                ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id
            LEFT JOIN (SELECT DISTINCT unit_id FROM base.samples) s ON s.unit_id = t.trace_id
            LEFT JOIN (SELECT unit_id, bool_or(verdict IN ('violates', 'complies')) AS decided FROM base.grades GROUP BY 1) g
                ON g.unit_id = t.trace_id"""
"""Turns, and how far each came on its way to a rate."""

_BY: Final = " ".join(f"WHEN '{name}' THEN t.{name}" for name in OF_AUDIENCE)
_UNDECIDED: Final = last_words("g.verdict IN ('cannot_judge', 'not_graded', 'borderline')")

READS: Final[dict[str, PageRead]] = {
    "judge_calls": PageRead(
        """SELECT c.judge, c.rule_id, c.state, c.known IS NOT NULL AS known, count(*) AS n, sum(c.tokens)::BIGINT AS tokens, sum(c.cost_usd) AS cost_usd,
                  median(c.latency_ms) AS latency_ms, arg_max(c.reason, c.time) AS reason, max(c.time) AS last
           FROM base.judge_calls c
           WHERE c.time >= $start AND c.time < $end AND ($rule IS NULL OR c.rule_id = $rule)
             AND ($app IS NULL OR c.unit_id IN (SELECT trace_id FROM base.turns WHERE app = $app))
           GROUP BY ALL ORDER BY c.judge, c.rule_id, n DESC, c.state""",
        {name: SCOPE[name] for name in ("start", "end", "app")} | _RULE,
        "questions to judges of the range, by judge, rule and what came of them",
    ),
    "rates": PageRead(
        f"SELECT e.* FROM base.estimates e WHERE {_WINDOWS} ORDER BY e.app, e.rule_id, e.window_start LIMIT 20000",
        _RATES,
        "every published rate of the range; value is NULL where nothing was graded",
    ),
    "rates_now": PageRead(
        f"""SELECT e.* FROM base.estimates e WHERE {_WINDOWS} AND e.n_graded > 0
            QUALIFY row_number() OVER (PARTITION BY e.rule_id, e.app ORDER BY
                e.n_graded >= {ENOUGH} DESC, e.window_start DESC) = 1
            ORDER BY e.n_graded >= {ENOUGH} DESC, e.low DESC NULLS LAST, e.value DESC NULLS LAST, e.n_graded DESC, e.app, e.rule_id""",
        _RATES,
        "per rule and app the newest rate that rests on enough turns; those that do come first, the most certainly violated before others",
    ),
    "funnel": PageRead(
        f"SELECT {_STAGES} FROM {_FATE} WHERE {IN_SCOPE}",
        SCOPE,
        "how many turns came, have an answer that can be read, were sampled, graded, and got a verdict that decides",
    ),
    "funnel_by": PageRead(
        f"""SELECT CASE $by {_BY} END AS value, {_STAGES} FROM {_FATE} WHERE {IN_SCOPE}
            GROUP BY 1 ORDER BY received DESC, value LIMIT 250""",
        SCOPE | {"by": Param("choice", OF_AUDIENCE[0], OF_AUDIENCE)},
        "the same by the values of one dimension, the commonest first; NULL: the turn does not say it",
    ),
    "undecided": PageRead(
        f"""SELECT g.rule_id, any_value(g.reason) AS reason, count(*) AS n
            FROM {_UNDECIDED} g JOIN base.turns t ON t.trace_id = g.unit_id WHERE {IN_SCOPE}
            GROUP BY g.rule_id, regexp_replace(g.reason, '[0-9]+', '0', 'g') ORDER BY n DESC, g.rule_id, reason LIMIT 50""",
        SCOPE,
        "per rule why it has no deciding verdict on how many turns that it was asked about, the commonest first",
    ),
    "both_sides": PageRead(
        f"""
        WITH drawn AS (SELECT unit_id, 1 - product(1 - inclusion_probability) AS p FROM base.samples GROUP BY 1),
        said AS (
            SELECT CASE WHEN list_contains(string_split($forbidden, ','), g.rule_id) THEN 'forbidden' ELSE 'owed' END AS side,
                   g.unit_id, bool_or(g.verdict = 'violates')::DOUBLE AS bad, any_value(coalesce(t.sampling_weight, 1) / d.p) AS w
            FROM {EVERY_LAST_WORD} g JOIN base.turns t ON t.trace_id = g.unit_id JOIN drawn d ON d.unit_id = g.unit_id
            WHERE {IN_SCOPE} AND g.verdict IN ('violates', 'complies') AND d.p > 0
              AND (list_contains(string_split($forbidden, ','), g.rule_id) OR list_contains(string_split($owed, ','), g.rule_id))
            GROUP BY 1, 2),
        rated AS (
            SELECT side, count(*) AS n, sum(bad * w) / sum(w) AS value, sum(w) * sum(w) / sum(w * w) AS m FROM said GROUP BY 1)
        SELECT side, n, value,
               greatest(0, (value + {_Z2} / (2 * m) - {_Z} * sqrt(value * (1 - value) / m + {_Z2} / (4 * m * m))) / (1 + {_Z2} / m)) AS low,
               least(1, (value + {_Z2} / (2 * m) + {_Z} * sqrt(value * (1 - value) / m + {_Z2} / (4 * m * m))) / (1 + {_Z2} / m)) AS high
        FROM rated ORDER BY side""",
        SCOPE | {"forbidden": Param("text", ""), "owed": Param("text", "")},
        "of the picked turns, the share that breaks a rule of what is forbidden, and the share that breaks one of help that is owed, "
        "with Wilson intervals of the effective number of turns; the rules of each side are named, comma-joined",
    ),
    "verdicts": PageRead(
        f"""SELECT g.rule_id, g.verdict, count(*) AS n
            FROM {EVERY_LAST_WORD} g JOIN base.turns t ON t.trace_id = g.unit_id
            WHERE {IN_SCOPE} GROUP BY g.rule_id, g.verdict ORDER BY g.rule_id, g.verdict""",
        SCOPE,
        "how many turns got which verdict, per rule",
    ),
    "violations": PageRead(
        f"""SELECT s.*, f.n_found, concat_ws(' ', to_base64(encode(s.rule_id)), -epoch_us(s.time), s.trace_id) AS cursor
            FROM ({SHOWN}) s, found f ORDER BY s.time DESC, s.trace_id, s.rule_id""",
        SCOPE | PAGE | _RULE | {"verdict": Param("choice", "violates", VERDICTS)},
        "the newest turns with a verdict, with the reason the grader gave; cursor is where the next page begins",
        stages=(
            Lent(
                "told",
                f"""SELECT g.unit_id, g.rule_id, t.time
                    FROM {_TOLD} g JOIN base.turns t ON t.trace_id = g.unit_id WHERE {IN_SCOPE}""",
            ),
            Lent("found", "SELECT count(*) AS n_found FROM told"),
            Picked(
                f"""
                WITH page AS MATERIALIZED (
                    SELECT * FROM told WHERE $after IS NULL OR -epoch_us(time) > {AFTER[1]}
                        OR (-epoch_us(time) = {AFTER[1]} AND (unit_id, rule_id) > ({AFTER[2]}, {_AFTER_RULE}))
                    ORDER BY time DESC, unit_id, rule_id LIMIT $limit),
                said AS (
                    SELECT *, rowid FROM base.grades
                    WHERE rowid IN (SELECT g.rowid FROM base.grades g SEMI JOIN page USING (unit_id, rule_id)))
                SELECT t.*, g.rule_id, g.verdict, g.score, g.reason, g.grader
                FROM said g ANTI JOIN said l ON {LATER}
                JOIN ({whole("SELECT t.rowid FROM base.turns t WHERE t.trace_id IN (SELECT unit_id FROM page)")}) t
                    ON t.trace_id = g.unit_id
                WHERE g.verdict = $verdict"""
            ),
        ),
    ),
}
