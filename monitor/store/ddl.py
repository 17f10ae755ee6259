"""Tables and views. Schema `base` is ours and may change; the views in `main` are the names users and checks rely on.

No keys and no indexes: a bounded anti-join keeps rows unique (see `monitor.store.load`), and DuckDB's known corruption
bugs all sit around indexes. Text has tables of its own, zstd-compressed by the DDL, since the automatic choice never is.
"""

from __future__ import annotations

from typing import Final

from monitor.model.rows import TABLES, Columns

VERSION: Final = 1

SQL_TYPES: Final = {
    "str": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "text": "VARCHAR USING COMPRESSION zstd",
}

TURNS: Final[Columns] = {
    "trace_id": "str",
    "seq": "int",  # order of finishing; what "new since the last cycle" means. A trace finished again keeps its number
    "time": "time",
    "duration_ms": "float",
    "app": "str",
    "environment": "str",
    "release": "str",
    "user_id": "str",
    "session_id": "str",
    "experiment": "str",
    "variant": "str",
    "prompt_name": "str",
    "prompt_version": "str",
    "model": "str",
    "system_hash": "str",  # of the system prompt of the first call: which instructions, without their text
    "input_span_id": "str",  # whose content holds what the user said
    "output_span_id": "str",  # whose content holds what the user saw
    "n_calls": "int",
    "n_tools": "int",
    "input_tokens": "int",
    "output_tokens": "int",
    "cost_usd": "float",
    "error_type": "str",
    "finished_at": "time",
}

ARRIVALS: Final[Columns] = {"trace_id": "str", "time": "time", "received_at": "time", "has_root": "bool"}
"""Traces with rows that arrived since they were last finished. Small: rows leave when the trace is finished."""

LEDGER: Final[Columns] = {
    "day": "time",
    "source": "str",
    "received": "int",
    "stored": "int",
    "duplicate": "int",
    "refused": "int",
    "reason": "str",
}

SAMPLES: Final[Columns] = {
    "unit_id": "str",
    "time": "time",
    "plan": "str",
    "stratum": "str",
    "inclusion_probability": "float",
    "drawn_at": "time",
    "reason": "str",
}

GRADES: Final[Columns] = {
    "unit_id": "str",
    "time": "time",
    "rule_id": "str",
    "verdict": "str",
    "score": "float",
    "reason": "str",
    "grader": "str",
    "grader_version": "str",
    "policy": "str",
    "policy_version": "str",
    "policy_hash": "str",
    "graded_at": "time",
}

ESTIMATES: Final[Columns] = {
    "rule_id": "str",
    "app": "str",
    "segment": "str",  # "all" or "column=value"
    "window_start": "time",
    "window_end": "time",
    "method": "str",
    "value": "float",
    "low": "float",
    "high": "float",
    "confidence": "float",
    "n_units": "int",
    "n_graded": "int",
    "n_human": "int",
}

FINDINGS: Final[Columns] = {
    "id": "str",
    "kind": "str",
    "metric": "str",
    "app": "str",
    "segment": "str",
    "detected_at": "time",
    "since": "time",
    "since_low": "time",
    "since_high": "time",
    "reference_value": "float",
    "current_value": "float",
    "change": "float",
    "change_low": "float",
    "change_high": "float",
    "e_value": "float",
    "budget": "str",
    "cause": "str",
    "reason": "str",
    "examples": "str",  # JSON list of trace ids
    "origin": "str",  # live, or replay: what Plumbline would have told
}

COMPARISONS: Final[Columns] = {
    "experiment": "str",
    "metric": "str",
    "control": "str",
    "arm": "str",
    "effect": "float",
    "low": "float",
    "high": "float",
    "n_control": "int",
    "n_arm": "int",
    "decision": "str",
    "reason": "str",
    "computed_at": "time",
}

TRACKERS: Final[Columns] = {"stream": "str", "state": "str", "updated_at": "time"}
"""State of one change detector as JSON; saved in the transaction that saves its findings."""

ROLLUP: Final[Columns] = {
    "hour": "time",
    "app": "str",
    "environment": "str",
    "model": "str",
    "n_turns": "int",
    "n_errors": "int",
    "n_calls": "int",
    "input_tokens": "int",
    "output_tokens": "int",
    "cost_usd": "float",
    "duration_ms_sum": "float",
    "duration_hist": "str",  # JSON list of counts over monitor.store.rollup.BOUNDS_MS
}

ARM_UNITS: Final[Columns] = {
    "experiment": "str",
    "arm": "str",
    "metric": "str",
    "unit": "str",  # user, else session, else trace: what was randomised
    "n": "int",
    "total": "float",
}
"""Per unit sums of each metric: what an A/B readout needs, so that its cost does not grow with the traffic."""

EXPOSED: Final[Columns] = {
    "trace_id": "str",
    "time": "time",
    "own_experiment": "str",
    "experiment": "str",
    "variant": "str",
}
"""Turns whose arm came from an exposure, so that it can be taken back when an earlier exposure arrives."""

REREADS: Final[Columns] = {"experiment": "str"}
"""Experiments whose turns changed arms after they were compared: the cycle sums them up again."""

SIDE_BY_SIDE: Final[Columns] = {"experiment": "str", "value": "str"}
"""Values of prompt version, model, release or system prompt that run at the same time: arms that nobody declared."""

MARKS: Final[Columns] = {"step": "str", "seq": "int", "time": "time", "note": "str"}
"""How far each step of the cycle has come."""

UNKNOWN_KEYS: Final[Columns] = {
    "day": "time",  # of receipt
    "source": "str",
    "dialect": "str",
    "key": "str",  # positions of flattened lists as N; "(more)" stands for all beyond the first few hundred
    "n": "int",  # spans that carried it
}
"""What we did not understand: GenAI-looking attribute keys that no rule names, counted once per stored span."""

POSITIONS: Final[Columns] = {
    "family": "str",
    "segment": "int",
    "byte": "int",
    "stored": "int",  # rows that came through this family, ever
    "duplicate": "int",
    "late": "int",  # rows refused on loading: too old to be kept, or erased
}
"""How far each spool family is loaded, and what came of it; written in the transaction that loads it."""

TOMBSTONES: Final[Columns] = {"kind": "str", "hash": "str", "until": "time"}
"""Keyed hashes of what was erased: rows that come late are refused. `until` bounds users and sessions: they may go on."""

ERASING: Final[Columns] = {"kind": "str", "id": "str"}
"""What an unfinished erasure still has to find in files; empty when none is going on."""

ERASURES: Final[Columns] = {
    "id": "int",
    "kind": "str",  # user | session | trace | app | late: rows of an erased trace that came before it was known as one
    "asked_at": "time",
    "finished_at": "time",  # NULL while the files are still being rewritten
    "removed": "str",  # JSON: rows per table
}
"""That something was erased, never what."""

RETENTIONS: Final[Columns] = {
    "id": "int",
    "started_at": "time",
    "finished_at": "time",  # NULL while rows are still being removed
    "content_before": "time",  # texts of before this went; NULL: kept for ever
    "spans_before": "time",
    "rollups_before": "time",
    "removed": "str",  # JSON: rows per table; "TABLE (texts)" counts rows that stayed without their texts
    "rewritten_at": "time",  # when the files were rewritten, so that it left the bytes too; NULL while that is due
}
"""What retention removed: a row a run that removed something."""

BASE: Final[dict[str, Columns]] = TABLES | {
    "turns": TURNS,
    "arrivals": ARRIVALS,
    "ledger": LEDGER,
    "samples": SAMPLES,
    "grades": GRADES,
    "estimates": ESTIMATES,
    "findings": FINDINGS,
    "comparisons": COMPARISONS,
    "trackers": TRACKERS,
    "rollup": ROLLUP,
    "arm_units": ARM_UNITS,
    "exposed": EXPOSED,
    "rereads": REREADS,
    "marks": MARKS,
    "side_by_side": SIDE_BY_SIDE,
    "unknown_keys": UNKNOWN_KEYS,
    "positions": POSITIONS,
    "tombstones": TOMBSTONES,
    "erasing": ERASING,
    "erasures": ERASURES,
    "retentions": RETENTIONS,
}

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
)

VIEWS: Final[dict[str, str]] = {
    "calls": """
        SELECT s.trace_id, s.span_id, s.time, s.duration_ms, s.app, s.environment, s.release, s.operation, s.provider,
               s.request_model, s.response_model, s.response_id, s.input_tokens, s.output_tokens,
               s.cached_input_tokens, s.usage_source, s.cost_usd, s.finish_reason, s.error_type, s.error_message,
               s.stream, s.ttft_ms, s.user_id, s.session_id, s.prompt_name, s.prompt_version, s.experiment, s.variant,
               c.system_text, coalesce(user_text(c.input_messages), c.input_value) AS input_text,
               coalesce(answer_text(c.output_messages), c.output_value) AS output_text,
               c.input_messages, c.output_messages, s.dialect, s.received_at
        FROM base.spans s LEFT JOIN base.content c ON c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.time = s.time
        WHERE s.kind IN ('llm', 'embedding')""",
    "turns": """
        SELECT t.trace_id, t.time, t.duration_ms, t.app, t.environment, t.release, t.user_id, t.session_id,
               t.experiment, t.variant, t.prompt_name, t.prompt_version, t.model,
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
    "grades": "SELECT * FROM base.grades",
    "estimates": "SELECT * FROM base.estimates",
    "findings": "SELECT * FROM base.findings",
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
    "unknown_keys": "SELECT day::DATE AS day, source, dialect, key, n FROM base.unknown_keys",
    "ledger": """
        SELECT day::DATE AS day, source, sum(received)::BIGINT AS received, sum(stored)::BIGINT AS stored,
               sum(duplicate)::BIGINT AS duplicate, sum(refused)::BIGINT AS refused, reason
        FROM base.ledger GROUP BY day, source, reason ORDER BY day, source, reason""",
}
"""A span that only repeats another is not a call: finishing a trace turns its `kind` into `other` and says so in `flags`.

`alerts` and `notifications` are views too, but their rows live in the control state; `monitor.agent` registers them.
"""


def create_statements() -> list[str]:
    """Return the DDL of an empty store, in order."""
    tables = [
        f"CREATE TABLE IF NOT EXISTS base.{name} ({', '.join(f'{c} {SQL_TYPES[t]}' for c, t in columns.items())})"
        for name, columns in BASE.items()
    ]
    views = [f"CREATE OR REPLACE VIEW main.{name} AS {body}" for name, body in VIEWS.items()]
    return ["CREATE SCHEMA IF NOT EXISTS base", *tables, *MACROS, *views]
