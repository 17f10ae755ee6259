"""Count a call once: spans that describe a call another span describes better become `other`, and say whose call it is.

Three ways a call comes twice: two instrumentations share the response id, nested or in traces of their own; a client
library's own span lies in time inside the instrumentation's; a wrapper span repeats the span of the call it wraps.
The span that knows more stays: texts first, then tokens. Ties go to the inner span, which is nearer to the call. What the other
alone knows is left behind with it (`left_behind`), but for the sums of a wrapper around several calls.
"""

from __future__ import annotations

from typing import Final

from monitor.store.finishing.left_behind import leave_behind
from monitor.store.finishing.settled import also_settle
from monitor.store.opening import Transaction

PASSES: Final = 4
"""Wrappers around wrappers are taken off from the inside, one layer a pass."""


def count_once(txn: Transaction, bounds: str) -> None:
    """Turn the poorer of two spans of one call into `other`; `bounds` limits the time of spans that are looked at."""
    txn.execute(_CALLS.format(bounds=bounds))
    may = txn.frame(_MAY_REPEAT).row(0, named=True)
    for name, rule in (("response", _SAME_RESPONSE), ("native", _NATIVE)):
        if may[name]:
            _take_out(txn, bounds, name, rule)
    for _ in range(PASSES if may["wrapper"] else 0):
        if not _take_out(txn, bounds, "wrapper", _WRAPPER):
            return
        txn.execute(_CALLS.format(bounds=bounds))


def _take_out(txn: Transaction, bounds: str, name: str, rule: str) -> bool:
    """Apply one rule; what it takes out leaves what it knows behind. Returns whether there was anything."""
    txn.execute(f"CREATE OR REPLACE TEMP TABLE gone AS {rule}")
    if not txn.frame("SELECT count(*) AS n FROM temp.gone")["n"][0]:
        return False
    leave_behind(txn, bounds)
    txn.execute(
        f"""
        UPDATE base.spans s SET kind = 'other',
            flags = concat_ws(',', nullif(s.flags, ''), 'repeats:' || g.kept, 'rule:{name}')
        FROM temp.gone g WHERE s.trace_id = g.trace_id AND s.span_id = g.span_id AND {bounds.replace("time", "s.time")}"""
    )
    txn.execute(
        "DELETE FROM temp.candidates c WHERE EXISTS (FROM temp.gone g "
        "WHERE g.trace_id = c.trace_id AND g.span_id = c.span_id)"
    )
    also_settle(txn, "SELECT trace_id FROM temp.gone UNION SELECT kept_trace FROM temp.gone", bounds)
    return True


_CALLS: Final = """
    CREATE OR REPLACE TEMP TABLE candidates AS
    WITH near AS (
        SELECT * FROM base.spans WHERE kind IN ('llm', 'embedding') AND {bounds} AND (
            trace_id IN (SELECT trace_id FROM temp.settled)
            OR response_id IN (SELECT response_id FROM temp.touched WHERE response_id IS NOT NULL)
            OR scope IN ('com.anthropic.sdk.python')
            OR EXISTS (FROM temp.touched WHERE scope IN ('com.anthropic.sdk.python')))),
    held AS (
        SELECT c.trace_id, c.span_id,
               (c.input_messages IS NOT NULL)::INT + (c.output_messages IS NOT NULL)::INT AS texts
        FROM base.content c SEMI JOIN near n ON n.trace_id = c.trace_id AND n.span_id = c.span_id WHERE {bounds})
    SELECT n.trace_id, n.span_id, n.parent_id, n.time, n.time + n.duration_ms * INTERVAL 1 MILLISECOND AS ended,
           n.kind, n.app, n.scope, n.response_id, n.request_model, n.response_model, n.input_tokens, n.output_tokens,
           4 * coalesce(h.texts, 0) + 2 * (n.output_tokens IS NOT NULL)::INT + (n.response_id IS NOT NULL)::INT AS knows
    FROM near n LEFT JOIN held h ON h.trace_id = n.trace_id AND h.span_id = n.span_id"""

_MAY_REPEAT: Final = """
    SELECT count(response_id) > count(DISTINCT response_id) AS response,
           coalesce(bool_or(scope IN ('com.anthropic.sdk.python')), false) AS native,
           count(*) > count(DISTINCT trace_id) AS wrapper
    FROM temp.candidates"""
"""Which of the three ways is possible at all; mostly none is, and the rules are the dear part of counting once."""

_SAME_RESPONSE: Final = """
    SELECT trace_id, span_id, first_value(span_id) OVER best AS kept, first_value(trace_id) OVER best AS kept_trace, true AS same
    FROM temp.candidates WHERE response_id IS NOT NULL
    WINDOW best AS (PARTITION BY response_id, kind ORDER BY knows DESC, time DESC, span_id)
    QUALIFY row_number() OVER best > 1 AND first_value(time) OVER best - time BETWEEN INTERVAL '-1 hour' AND INTERVAL '1 hour'"""

_NATIVE: Final = """
    SELECT n.trace_id, n.span_id, arg_max(o.span_id, o.knows) AS kept, arg_max(o.trace_id, o.knows) AS kept_trace, true AS same
    FROM temp.candidates n JOIN temp.candidates o
        ON o.scope IS DISTINCT FROM n.scope AND o.app IS NOT DISTINCT FROM n.app
        AND coalesce(o.request_model, o.response_model) = coalesce(n.request_model, n.response_model)
        AND o.time <= n.time + INTERVAL '5 milliseconds' AND o.ended >= n.ended - INTERVAL '5 milliseconds'
    WHERE n.scope IN ('com.anthropic.sdk.python') GROUP BY n.trace_id, n.span_id"""

_WRAPPER: Final = """
    WITH RECURSIVE above AS (
        SELECT c.trace_id, c.span_id AS inner_id, c.kind, c.parent_id AS at, 1 AS depth
        FROM temp.candidates c WHERE c.parent_id IS NOT NULL
        UNION ALL
        SELECT a.trace_id, a.inner_id, a.kind, t.parent_id, a.depth + 1
        FROM above a JOIN temp.touched t ON t.trace_id = a.trace_id AND t.span_id = a.at
        LEFT JOIN temp.candidates c ON c.trace_id = a.trace_id AND c.span_id = a.at AND c.kind = a.kind
        WHERE t.parent_id IS NOT NULL AND a.depth < 8 AND c.span_id IS NULL),
    nearest AS (
        SELECT o.trace_id, o.span_id AS outer_id, i.span_id AS inner_id, o.knows AS outer_knows, i.knows AS inner_knows,
               o.response_id IS NULL AS unnamed, o.output_tokens AS outer_tokens, i.output_tokens AS inner_tokens
        FROM above a
        JOIN temp.candidates o ON o.trace_id = a.trace_id AND o.span_id = a.at
        JOIN temp.candidates i ON i.trace_id = a.trace_id AND i.span_id = a.inner_id AND i.kind = o.kind),
    pairs AS (
        SELECT n.*, count(*) OVER (PARTITION BY n.trace_id, n.outer_id) AS inners,
               sum(n.inner_tokens) OVER (PARTITION BY n.trace_id, n.outer_id) AS all_tokens,
               bool_or(w.outer_id IS NOT NULL) OVER (PARTITION BY n.trace_id, n.outer_id) AS holds_wrappers
        FROM nearest n LEFT JOIN (SELECT DISTINCT trace_id, outer_id FROM nearest) w
            ON w.trace_id = n.trace_id AND w.outer_id = n.inner_id)
    SELECT DISTINCT ON (trace_id, span_id) * FROM (
        SELECT trace_id, CASE WHEN inners = 1 AND outer_knows > inner_knows THEN inner_id ELSE outer_id END AS span_id,
               CASE WHEN inners = 1 AND outer_knows > inner_knows THEN outer_id ELSE inner_id END AS kept,
               trace_id AS kept_trace, inners = 1 AS same
        FROM pairs WHERE NOT holds_wrappers AND (unnamed OR outer_tokens = all_tokens))"""
