"""Of two spans that tell one call, the one that stays takes from the other every field it lacks: facts, texts and their features.

temp.gone says who goes and who stays: (trace_id, span_id) leaves to (kept_trace, kept) what it knows, where `same` says that it
tells that call and no other. Where usage comes from goes with the usage.
"""

from __future__ import annotations

from typing import Final

from monitor.model.rows import FEATURES
from monitor.store.opening import Transaction

FACTS: Final = (
    *("duration_ms", "environment", "release", "sdk", "provider", "request_model", "response_model", "response_id"),
    "fingerprint",
    *(
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost_usd",
        "cost_source",
    ),
    *("finish_reason", "stream", "ttft_ms", "user_id", "session_id", "message_id", "prompt_name", "prompt_version"),
    "sampling_weight",
)
TEXTS: Final = ("system_text", "input_messages", "output_messages", "input_value", "output_value")
MEASURED: Final = tuple(name for name in FEATURES if name not in {"trace_id", "span_id", "time"})

_SPANS: Final = """
    CREATE OR REPLACE TEMP TABLE heirs AS
    SELECT g.kept_trace, g.kept, any_value(k.time) AS time, {facts},
           any_value(s.usage_source) FILTER (coalesce(s.input_tokens, s.output_tokens) IS NOT NULL) AS usage_source,
           any_value(s.error_type) FILTER (s.status = 'error') AS error_type,
           any_value(s.error_message) FILTER (s.status = 'error') AS error_message,
           any_value(s.experiment) FILTER (s.variant IS NOT NULL) AS experiment, any_value(s.variant) AS variant
    FROM temp.gone g
    JOIN base.spans s ON s.trace_id = g.trace_id AND s.span_id = g.span_id
    JOIN base.spans k ON k.trace_id = g.kept_trace AND k.span_id = g.kept
    WHERE g.same AND {s_time} AND {k_time} GROUP BY g.kept_trace, g.kept"""

_INHERIT: Final = """
    UPDATE base.spans k SET {facts},
        usage_source = CASE WHEN coalesce(k.input_tokens, k.output_tokens) IS NULL AND h.usage_source IS NOT NULL
                            THEN h.usage_source ELSE k.usage_source END,
        error_type = CASE WHEN k.status = 'error' AND k.error_type IN ('_OTHER') THEN coalesce(h.error_type, k.error_type)
                          ELSE k.error_type END,
        error_message = CASE WHEN k.status = 'error' THEN coalesce(k.error_message, h.error_message) ELSE k.error_message END,
        experiment = CASE WHEN k.variant IS NULL THEN coalesce(h.experiment, k.experiment) ELSE k.experiment END,
        variant = coalesce(k.variant, h.variant)
    FROM temp.heirs h WHERE k.trace_id = h.kept_trace AND k.span_id = h.kept AND {k_time}"""

_TOLD: Final = """
    CREATE OR REPLACE TEMP TABLE told AS
    SELECT h.kept_trace AS trace_id, h.kept AS span_id, h.time, {fixed}{columns}
    FROM temp.heirs h
    JOIN temp.gone g ON g.kept_trace = h.kept_trace AND g.kept = h.kept AND g.same
    JOIN base.{table} c ON c.trace_id = g.trace_id AND c.span_id = g.span_id
    LEFT JOIN base.{table} o ON o.trace_id = h.kept_trace AND o.span_id = h.kept AND {o_time}
    WHERE {c_time} GROUP BY h.kept_trace, h.kept, h.time HAVING {gains}"""


def leave_behind(txn: Transaction, bounds: str) -> None:
    """Fill what those who stay lack; `bounds` limits the time of all that is looked at."""
    times = {f"{name}_time": bounds.replace("time", f"{name}.time") for name in "skco"}
    txn.execute(_SPANS.format(facts=", ".join(f"any_value(s.{name}) AS {name}" for name in FACTS), **times))
    facts = ", ".join(f"{name} = coalesce(k.{name}, h.{name})" for name in FACTS)
    txn.execute(_INHERIT.format(facts=facts, **times))
    _fill(txn, "content", TEXTS, "coalesce(any_value(o.origin), any_value(c.origin)) AS origin, ", times)
    _fill(txn, "features", MEASURED, "", times)


def _fill(txn: Transaction, table: str, names: tuple[str, ...], fixed: str, times: dict[str, str]) -> None:
    """Write the rows of `table` anew for those who gain something."""
    columns = ", ".join(f"coalesce(any_value(o.{name}), any_value(c.{name})) AS {name}" for name in names)
    gains = " OR ".join(f"(any_value(o.{name}) IS NULL AND any_value(c.{name}) IS NOT NULL)" for name in names)
    txn.execute(_TOLD.format(table=table, fixed=fixed, columns=columns, gains=gains, **times))
    txn.execute(
        f"DELETE FROM base.{table} o USING temp.told t WHERE o.trace_id = t.trace_id AND o.span_id = t.span_id AND {times['o_time']}"
    )
    txn.execute(f"INSERT INTO base.{table} BY NAME SELECT * FROM temp.told")
