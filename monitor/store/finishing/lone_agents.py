"""Where no model call lies below the span of an agent, that span is the call: some frameworks tell only the agent.

It becomes `llm` with the flag `agent_only`, and an agent again when a call below it arrives later. An agent that names neither
a model nor tokens stays what it is: nothing says that it asked a model.
"""

from __future__ import annotations

from typing import Final

from monitor.store.finishing.settled import take_spans
from monitor.store.opening import Transaction

MARK: Final = "agent_only"

_LONE: Final = f"""
    CREATE OR REPLACE TEMP TABLE lone AS
    WITH RECURSIVE agents AS (
        SELECT trace_id, span_id, kind <> 'agent' AS was_lone FROM temp.touched
        WHERE (kind = 'agent' OR (kind = 'llm' AND contains(coalesce(flags, ''), '{MARK}')))
          AND coalesce(request_model, response_model, input_tokens::VARCHAR, output_tokens::VARCHAR) IS NOT NULL),
    below AS (
        SELECT trace_id, span_id AS top, span_id AS at, 0 AS depth FROM agents
        UNION ALL
        SELECT b.trace_id, b.top, t.span_id, b.depth + 1
        FROM below b JOIN temp.touched t ON t.trace_id = b.trace_id AND t.parent_id = b.at WHERE b.depth < 32)
    SELECT a.trace_id, a.span_id, a.was_lone, count(*) FILTER (t.kind = 'llm' OR g.span_id IS NOT NULL) = 0 AS is_lone
    FROM agents a JOIN below b ON b.trace_id = a.trace_id AND b.top = a.span_id
    LEFT JOIN temp.touched t ON t.trace_id = b.trace_id AND t.span_id = b.at AND b.at <> a.span_id
    LEFT JOIN agents g ON g.trace_id = b.trace_id AND g.span_id = b.at AND b.at <> a.span_id
    GROUP BY a.trace_id, a.span_id, a.was_lone"""


def call_lone_agents(txn: Transaction, bounds: str) -> None:
    """Make calls of the agents of the settled traces that have none, and agents of those that have some now."""
    if not txn.frame(f"SELECT count(*) AS n FROM temp.touched WHERE kind = 'agent' OR contains(flags, '{MARK}')")["n"][
        0
    ]:
        return
    txn.execute(_LONE)
    if not txn.frame("SELECT count(*) AS n FROM temp.lone WHERE was_lone <> is_lone")["n"][0]:
        return
    txn.execute(
        f"""
        UPDATE base.spans s SET kind = CASE WHEN l.is_lone THEN 'llm' ELSE 'agent' END,
            usage_source = CASE WHEN NOT l.is_lone THEN NULL
                                WHEN coalesce(s.input_tokens, s.output_tokens) IS NULL THEN 'none' ELSE 'provider' END,
            flags = CASE WHEN l.is_lone THEN concat_ws(',', nullif(s.flags, ''), '{MARK}')
                         ELSE nullif(array_to_string(list_filter(string_split(s.flags, ','), lambda f: f <> '{MARK}'), ','), '') END
        FROM temp.lone l WHERE l.was_lone <> l.is_lone AND s.trace_id = l.trace_id AND s.span_id = l.span_id
          AND {bounds.replace("time", "s.time")}"""
    )
    take_spans(txn, bounds)
