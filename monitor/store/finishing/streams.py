"""Some instrumentations tell a stream twice: a span of the call, and when the last piece has come a span with what was said.

The second span (flag `stream_end`) has no length and may be in a trace of its own. What it knows moves to the call; it
becomes `other`. Concurrent streams are told apart by what was asked, equal questions by their order. What was asked is
compared without the digits of placeholders: one address has others in another trace.
"""

from __future__ import annotations

from typing import Final

from monitor.privacy.keyed import PLACEHOLDER
from monitor.store.finishing.settled import also_settle
from monitor.store.opening import Transaction

MAX_ALIKE: Final = 32
ASKED: Final = rf"regexp_replace(c.input_messages, '{PLACEHOLDER}', '<\1>', 'g')"

FACTS: Final = (
    "response_model",
    "response_id",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cost_usd",
    "cost_source",
    "finish_reason",
    "ttft_ms",
)


def join_streams(txn: Transaction, bounds: str) -> None:
    """Move what ends of streams say to their calls; the traces of both are finished with the settled ones."""
    waits = "output_tokens IS NULL AND status <> 'error'"
    ask = f"SELECT count(*) AS n FROM temp.touched WHERE kind = 'llm' AND (contains(flags, 'stream_end') OR {waits})"
    if not txn.frame(ask)["n"][0]:
        return
    for _ in range(MAX_ALIKE):  # a pass joins one of several that ask the same at the same time
        txn.execute(_PAIRS.format(bounds=bounds, bounds_s=bounds.replace("time", "s.time")))
        if not txn.frame("SELECT count(*) AS n FROM temp.joined")["n"][0]:
            return
        _move_facts(txn, bounds.replace("time", "s.time"))
        _move_texts(txn, bounds.replace("time", "c.time"))
        also_settle(txn, "SELECT call_trace FROM temp.joined UNION SELECT end_trace FROM temp.joined", bounds)


def _move_facts(txn: Transaction, bounds: str) -> None:
    facts = ", ".join(f"{name} = coalesce(s.{name}, e.{name})" for name in FACTS)
    txn.execute(
        f"""
        UPDATE base.spans s SET stream = true, usage_source = e.usage_source, {facts}
        FROM (SELECT j.call_trace, j.call_span, x.* FROM temp.joined j
              JOIN base.spans x ON x.trace_id = j.end_trace AND x.span_id = j.end_span) e
        WHERE s.trace_id = e.call_trace AND s.span_id = e.call_span AND {bounds}"""
    )
    txn.execute(
        f"""
        UPDATE base.spans s SET kind = 'other',
            flags = concat_ws(',', nullif(s.flags, ''), 'repeats:' || j.call_span, 'rule:stream')
        FROM temp.joined j WHERE s.trace_id = j.end_trace AND s.span_id = j.end_span AND {bounds}"""
    )


def _move_texts(txn: Transaction, bounds: str) -> None:
    txn.execute(
        """
        CREATE OR REPLACE TEMP TABLE told AS
        SELECT j.call_trace AS trace_id, j.call_span AS span_id, j.call_time AS time, coalesce(o.origin, c.origin) AS origin,
               coalesce(o.system_text, c.system_text) AS system_text,
               coalesce(o.input_messages, c.input_messages) AS input_messages,
               coalesce(o.output_messages, c.output_messages) AS output_messages,
               coalesce(o.input_value, c.input_value) AS input_value,
               coalesce(o.output_value, c.output_value) AS output_value
        FROM temp.joined j JOIN base.content c ON c.trace_id = j.end_trace AND c.span_id = j.end_span
        LEFT JOIN base.content o ON o.trace_id = j.call_trace AND o.span_id = j.call_span"""
    )
    for trace, span in (("call_trace", "call_span"), ("end_trace", "end_span")):
        txn.execute(
            f"DELETE FROM base.content c USING temp.joined j WHERE c.trace_id = j.{trace} AND c.span_id = j.{span} AND {bounds}"
        )
    txn.execute("INSERT INTO base.content BY NAME SELECT * FROM temp.told")


_PAIRS: Final = f"""
    CREATE OR REPLACE TEMP TABLE joined AS
    WITH near AS (
        SELECT s.trace_id, s.span_id, s.time, s.time + coalesce(s.duration_ms, 0) * INTERVAL 1 MILLISECOND AS ended,
               s.app, s.scope, s.request_model, contains(coalesce(s.flags, ''), 'stream_end') AS is_end,
               s.output_tokens IS NOT NULL AS metered, {ASKED} AS asked, c.output_messages IS NOT NULL AS answered
        FROM base.spans s LEFT JOIN base.content c ON c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.time = s.time
        WHERE s.kind = 'llm' AND {{bounds_s}}
          AND s.scope IN (SELECT scope FROM base.spans WHERE {{bounds}} AND kind = 'llm' AND contains(flags, 'stream_end'))),
    calls AS (SELECT * FROM near WHERE NOT is_end AND NOT metered AND NOT answered),
    ends AS (SELECT * FROM near WHERE is_end),
    fits AS (
        SELECT e.trace_id AS end_trace, e.span_id AS end_span, e.time AS end_time,
               c.trace_id AS call_trace, c.span_id AS call_span, c.time AS call_time,
               row_number() OVER (PARTITION BY e.trace_id, e.span_id ORDER BY c.time DESC, c.span_id) AS nth_call,
               row_number() OVER (PARTITION BY c.trace_id, c.span_id ORDER BY e.time, e.span_id) AS nth_end
        FROM ends e JOIN calls c ON c.scope = e.scope AND c.app IS NOT DISTINCT FROM e.app
            AND c.request_model IS NOT DISTINCT FROM e.request_model AND c.asked IS NOT DISTINCT FROM e.asked
            AND c.ended <= e.time + INTERVAL 5 MILLISECOND AND e.time - c.ended < INTERVAL 1 HOUR)
    SELECT * EXCLUDE (nth_call, nth_end) FROM fits WHERE nth_call = 1 AND nth_end = 1"""
