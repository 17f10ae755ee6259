"""Views: the names that users, checks and SQL may rely on, and the macros they are made with."""

from __future__ import annotations

from typing import Final

from monitor.model.dimensions import NAMES

MACROS: Final = (
    # Text of the parts of JSON messages, one line a part. A NULL or unreadable argument gives NULL.
    """CREATE OR REPLACE MACRO text_of(messages) AS nullif(array_to_string(list_transform(list_filter(
        json_extract(messages::VARCHAR, '$[*].parts[*]'),
        lambda part: json_extract_string(part, '$.type') = 'text'),
        lambda part: json_extract_string(part, '$.content')), chr(10)), '')""",
    # A call that asked for several choices has several output messages; the first with text is what the user saw.
    """CREATE OR REPLACE MACRO answer_text(messages) AS list_extract(list_filter(list_transform(
        json_extract(messages::VARCHAR, '$[*]'), lambda message: text_of(to_json([message]))),
        lambda told: told IS NOT NULL), 1)""",
    """CREATE OR REPLACE MACRO user_text(messages) AS text_of(to_json([list_last(list_filter(
        json_extract(messages::VARCHAR, '$[*]'), lambda message: json_extract_string(message, '$.role') = 'user'))]))""",
    # All that the user wrote, not only the last message.
    """CREATE OR REPLACE MACRO users_texts(messages) AS text_of(to_json(list_filter(
        json_extract(messages::VARCHAR, '$[*]'), lambda message: json_extract_string(message, '$.role') = 'user')))""",
)

VIEWS: Final[dict[str, str]] = {
    "calls": """
        SELECT s.trace_id, s.span_id, s.time, s.duration_ms, s.app, s.environment, s.release, s.operation, s.provider,
               s.request_model, s.response_model, s.response_id, s.input_tokens, s.output_tokens,
               s.cached_input_tokens, s.cache_write_tokens, s.reasoning_tokens, s.usage_source, s.cost_usd, s.cost_source, s.finish_reason, s.error_type, s.error_message,
               s.stream, s.ttft_ms, s.user_id, s.session_id, s.prompt_name, s.prompt_version, s.experiment, s.variant,
               c.system_text, coalesce(user_text(c.input_messages), c.input_value) AS input_text,
               coalesce(answer_text(c.output_messages), c.output_value) AS output_text,
               c.input_messages, c.output_messages, s.dialect, s.received_at, s.sampling_weight, s.fingerprint
        FROM base.spans s LEFT JOIN base.content c ON c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.time = s.time
        WHERE s.kind IN ('llm', 'embedding')""",
    "turns": f"""
        SELECT t.trace_id, t.time, t.duration_ms, {", ".join(f"t.{name}" for name in NAMES)},
               coalesce(i.input_value, user_text(i.input_messages)) AS input_text,
               coalesce(o.output_value, answer_text(o.output_messages)) AS output_text,
               t.n_calls, t.n_tools, t.input_tokens, t.output_tokens, t.cost_usd, t.error_type
        FROM base.turns t
        LEFT JOIN base.content i ON i.trace_id = t.trace_id AND i.span_id = t.input_span_id
        LEFT JOIN base.content o ON o.trace_id = t.trace_id AND o.span_id = t.output_span_id""",
    "tool_calls": """
        SELECT s.trace_id, s.span_id, s.time, coalesce(s.tool_name, s.name) AS name, s.tool_call_id AS call_id,
               c.input_value AS arguments, c.output_value AS result, s.error_type
        FROM base.spans s LEFT JOIN base.content c ON c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.time = s.time
        WHERE s.kind = 'tool'""",
    "retrievals": """
        SELECT s.trace_id, s.span_id, s.time, c.input_value AS query, c.output_value AS documents
        FROM base.spans s LEFT JOIN base.content c ON c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.time = s.time
        WHERE s.kind = 'retriever'""",
    "spans": "SELECT * FROM base.spans",
    "scores": """
        SELECT trace_id, span_id, time, name, value, label, comment, origin AS source, response_id, session_id, message_id,
               environment, metadata
        FROM base.scores""",
    "exposures": """
        SELECT user_id, experiment, variant, time, received_at,
               time = min(time) OVER (PARTITION BY user_id, experiment) AS counts,
               (SELECT count(DISTINCT o.variant) FROM base.exposures o
                WHERE o.user_id = e.user_id AND o.experiment = e.experiment) > 1 AS contaminated
        FROM base.exposures e""",
    "samples": "SELECT unit_id, time, plan, stratum, inclusion_probability, drawn_at, reason FROM base.samples",
    "judge_draws": "SELECT * FROM base.judge_draws",
    "grades": "SELECT * FROM base.grades",
    "judge_calls": """
        SELECT time, rule_id, unit_id, judge, state, tokens, cost_usd, latency_ms, reason, verdict, score, unit, known, variant
        FROM base.judge_calls""",
    "estimates": "SELECT * FROM base.estimates",
    "findings": "SELECT * REPLACE (coalesce(state, 'expired') AS state) FROM base.findings",
    "changes": "SELECT time, kind, app, what, coalesce(told_by, source) AS source FROM base.changes",
    "comparisons": "SELECT * FROM base.comparisons",
    "contamination": """
        WITH told AS (
            SELECT experiment, unit_kind, unit, variant, min(time) AS since
            FROM (SELECT experiment, variant, time, 'session' AS unit_kind, session_id AS unit FROM base.turns
                  UNION ALL SELECT experiment, variant, time, 'user', user_id FROM base.turns)
            WHERE experiment IS NOT NULL AND variant IS NOT NULL AND unit IS NOT NULL
            GROUP BY experiment, unit_kind, unit, variant)
        SELECT experiment, unit_kind, unit, list(variant ORDER BY since, variant) AS arms,
               list_extract(list(since ORDER BY since), 2) AS first_seen
        FROM told GROUP BY experiment, unit_kind, unit HAVING count(*) > 1""",
    "erasures": "SELECT kind, asked_at, finished_at, removed FROM base.erasures",
    "retentions": """
        SELECT started_at, finished_at, content_before, spans_before, rollups_before, removed, rewritten_at
        FROM base.retentions""",
    "not_understood": "SELECT time::DATE AS day, source, scope, signal, name, n, keys FROM base.strangers",
    "unknown_keys": "SELECT day::DATE AS day, source, dialect, key, n FROM base.unknown_keys",
    # A bin of every histogram stands at the same place; finishing adds a row a time, and an hour is the sum of its rows.
    "hours": """
        SELECT hour, app, environment, model, sum(n_turns)::BIGINT AS n_turns, sum(n_errors)::BIGINT AS n_errors, sum(n_calls)::BIGINT AS n_calls,
               sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens, sum(cost_usd) AS cost_usd,
               sum(duration_ms_sum) AS duration_ms_sum,
               to_json(list_transform(range(1, len(first(from_json(duration_hist, '["BIGINT"]'))) + 1),
                       lambda bin: list_sum(list_transform(list(from_json(duration_hist, '["BIGINT"]')), lambda counts: counts[bin]))::BIGINT))::VARCHAR AS duration_hist
        FROM base.rollup GROUP BY hour, app, environment, model""",
    "ledger": """
        SELECT day::DATE AS day, source, sum(received)::BIGINT AS received, sum(stored)::BIGINT AS stored,
               sum(duplicate)::BIGINT AS duplicate, sum(refused)::BIGINT AS refused, reason
        FROM base.ledger GROUP BY day, source, reason ORDER BY day, source, reason""",
}
"""A span that only repeats another is not a call: finishing a trace turns its `kind` into `other` and says so in `flags`.

`alerts` and `notifications` are views too, but their rows live in the control state; `plumbline.agent` registers them.
"""
