"""The canonical rows: what a collector writes to the spool and the loader puts into the store.

One table is a mapping from column name to logical type; `collectors.frames` turns it into polars types and
`monitor.store.ddl` into DuckDB types, so that a column is named in exactly one place. Times are microseconds UTC.
NULL means unknown, everywhere: never 0, never "".
"""

from __future__ import annotations

from typing import Final, Literal

from monitor.model.dimensions import OF_SPANS

Type = Literal["str", "int", "float", "bool", "time", "text"]
"""`text` is content: stored zstd-compressed, in its own table, never among the attributes."""

Columns = dict[str, Type]

SPANS: Final[Columns] = {
    "trace_id": "str",  # 32 lower-case hex digits
    "span_id": "str",  # 16 lower-case hex digits
    "parent_id": "str",  # NULL for a root
    "time": "time",  # start
    "duration_ms": "float",
    "received_at": "time",
    "name": "str",
    "kind": "str",  # see KINDS
    "status": "str",  # unset | ok | error
    "error_type": "str",
    "error_message": "str",
    "app": "str",  # service.name
    "environment": "str",
    "release": "str",
    "scope": "str",  # instrumentation scope name
    "dialect": "str",  # which key rules understood the span
    "scope_version": "str",
    "sdk": "str",  # telemetry.sdk.language and version: "python 1.40.0"
    "operation": "str",  # gen_ai.operation.name, normalised
    "provider": "str",
    "request_model": "str",
    "response_model": "str",
    "response_id": "str",
    "fingerprint": "str",  # of the system that served the model, as its provider tells it
    "input_tokens": "int",  # includes cached tokens
    "output_tokens": "int",
    "cached_input_tokens": "int",
    "cache_write_tokens": "int",  # tokens that were put into a cache, among the input tokens
    "reasoning_tokens": "int",  # tokens the model thought with, as its provider counts them
    "usage_source": "str",  # provider | estimated | none
    "cost_usd": "float",
    "cost_source": "str",  # sent | yours | list: who told the cost, or by whose prices it was reckoned
    "finish_reason": "str",
    "stream": "bool",
    "ttft_ms": "float",
    "user_id": "str",
    "session_id": "str",
    "message_id": "str",  # the application's own id of the message or reply
    "prompt_name": "str",
    "prompt_version": "str",
    "experiment": "str",
    "variant": "str",
    "tool_name": "str",
    "tool_call_id": "str",
    "unknown_keys": "str",  # keys that look like GenAI and that no rule understood, one a line, digits as N
    "flags": "str",  # comma-joined notes on the data itself: time_unknown, truncated, ...
    "attrs": "str",  # what no rule understood, as a JSON object, redacted, capped
    "source": "str",  # ledger source
    "sampling_weight": "float",  # how many calls this one stands for, where its sender samples and says so; NULL is 1
    **dict.fromkeys(OF_SPANS, "str"),  # those above keep their place
}

CONTENT: Final[Columns] = {
    "trace_id": "str",
    "span_id": "str",
    "time": "time",  # that of the span
    "origin": "str",  # span | log
    "system_text": "text",
    "input_messages": "text",  # JSON: [{"role": ..., "parts": [{"type": "text", "content": ...}, ...]}, ...]
    "output_messages": "text",
    "input_value": "text",  # plain text of non-model spans: tool arguments, retrieval query, what the root was given
    "output_value": "text",
}

FEATURES: Final[Columns] = {
    "trace_id": "str",
    "span_id": "str",
    "time": "time",
    "input_chars": "int",
    "output_chars": "int",
    "output_words": "int",
    "output_lines": "int",
    "output_questions": "int",
    "output_digits_share": "float",
    "output_upper_share": "float",
    "output_non_ascii_share": "float",
    "output_markup": "int",  # markdown emphasis, headings, bullets and fences
    "output_code_fences": "int",
    "output_urls": "int",
    "output_placeholders": "int",  # redacted values in the answer
}

EVENTS: Final[Columns] = {
    "key": "str",  # content hash: logs carry no id of their own
    "trace_id": "str",
    "span_id": "str",
    "time": "time",
    "received_at": "time",
    "name": "str",  # event name as sent
    "part": "str",  # system | input | output | details | exception | flag | end (of a session) | dropped (its text, by a rule)
    "app": "str",
    "environment": "str",
    "user_id": "str",
    "session_id": "str",
    "body": "text",  # JSON: one message, or {"system_text", "input_messages", "output_messages"}, or flag fields
    "source": "str",
}

SCORES: Final[Columns] = {
    "key": "str",
    "time": "time",
    "received_at": "time",
    "trace_id": "str",
    "span_id": "str",
    "response_id": "str",
    "session_id": "str",
    "message_id": "str",  # the application's own id of the message or answer that was judged
    "environment": "str",
    "name": "str",
    "value": "float",
    "label": "str",
    "comment": "text",
    "origin": "str",  # user | human | llm | code | event; NULL where the sender did not say
    "metadata": "str",  # what else the sender said, as a JSON object, redacted, capped
    "flags": "str",  # comma-joined: truncated, time_unknown, time_free (the sender's id is the key, whatever its time)
    "source": "str",
}

METERS: Final[Columns] = {
    "time": "time",  # end of the interval the point stands for
    "received_at": "time",
    "app": "str",
    "metric": "str",
    "series": "str",  # hash of resource and attributes: one instance counting one kind of call
    "operation": "str",
    "provider": "str",
    "model": "str",
    "start_time": "time",  # when the counting began; NULL when the sender did not say
    "count": "int",
    "temporality": "str",  # delta | cumulative | NULL
    "source": "str",
}
"""How many model calls a client says it has made: what shows that its traces are sampled.

Calls counted over a period, per series, ordered by `time`:

- `delta`: the sum of `count` of the points whose `time` lies in the period.
- `cumulative`: the sum of the increases between neighbouring points. Where `start_time` differs from that of the point
  before, or `count` is smaller, the client has started again and the increase is `count` itself. The first point of a
  series counts in full when its `start_time` lies in the period; otherwise it only says where counting stood.

Sum over the series of an app. A client may report one call under two metrics (`gen_ai.client.operation.duration` and its
successor `gen_ai.client.inference.duration`): take the larger of the two, never their sum.
"""

EXPOSURES: Final[Columns] = {
    "key": "str",
    "time": "time",  # of the exposure
    "received_at": "time",
    "user_id": "str",
    "experiment": "str",
    "variant": "str",
    "source": "str",
}

CHANGES: Final[Columns] = {
    "key": "str",
    "time": "time",  # of the change
    "received_at": "time",
    "kind": "str",  # see CHANGE_KINDS
    "app": "str",  # NULL: all of them
    "what": "str",
    "told_by": "str",
    "source": "str",
}

CHANGE_KINDS: Final = ("release", "prompt", "model", "policy", "grader", "data", "traffic", "other")
"""What somebody may say that was changed."""

REFUSALS: Final[Columns] = {
    "time": "time",
    "source": "str",
    "received": "int",
    "reason": "str",
}

STRANGERS: Final[Columns] = {
    "time": "time",  # of receipt; in the store its day
    "source": "str",
    "scope": "str",
    "signal": "str",  # span | log
    "name": "str",  # of the span or event, digits as N; "" stands for all beyond the first hundred
    "n": "int",
    "keys": "str",  # attribute keys, one a line, each with a tab and what kind of value it holds
}
"""What arrived and was not understood though it may be about model calls; see `collectors.decode.strangers`."""

TABLES: Final[dict[str, Columns]] = {
    "spans": SPANS,
    "content": CONTENT,
    "features": FEATURES,
    "events": EVENTS,
    "scores": SCORES,
    "meters": METERS,
    "exposures": EXPOSURES,
    "changes": CHANGES,
    "refusals": REFUSALS,
    "strangers": STRANGERS,
}

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "spans": ("trace_id", "span_id"),
    "content": ("trace_id", "span_id", "origin"),
    "features": ("trace_id", "span_id"),
    "events": ("key",),
    "scores": ("key",),
    "meters": ("metric", "series", "time"),
    "exposures": ("key",),
    "changes": ("key",),
}
"""What makes two rows of a table the same row; the loader keeps the first."""

SUMMED: Final = frozenset({"refusals", "strangers"})
"""Counts, which are added up on loading, not rows of their own."""

LEDGER_TABLES: Final = ("spans", "events", "scores", "exposures", "changes")
"""What is counted in the ledger: things a client sent. Content and features are derived from them; meters are counts."""

KINDS: Final = ("llm", "embedding", "tool", "retriever", "agent", "chain", "workflow", "guardrail", "other")
