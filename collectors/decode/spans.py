"""One span -> one row of `spans`, at most one of `content`, and a row for each score that hangs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from collectors.batch import AT, Batch
from collectors.decode.content import (
    WIDE,
    Content,
    of_call,
    of_embedding,
    of_retrieval,
    of_step,
    of_tool,
    tool_names,
)
from collectors.decode.derived import settle
from collectors.decode.kinds import ERROR, resolve_kind, said_to_be
from collectors.decode.leftovers import attrs_json, unknown_keys
from collectors.decode.moments import ZERO_SPAN, ZERO_TRACE, duration_ms, is_id, moment
from collectors.decode.reading import read
from collectors.decode.replies import note_replies
from collectors.decode.sampling import weight_of
from collectors.decode.span_events import read_events
from collectors.decode.strangers import Strangers, unread_texts
from collectors.decode.wire import MAX_ATTRIBUTES, Attributes, SpanGroup, WireSpan
from collectors.dialects.table import Table, Values
from monitor.model.dimensions import OF_AUDIENCE

FLAGS: Final = AT["spans"]["flags"]

STATUS: Final = {1: "ok", ERROR: "error"}
ROUNDING_MS: Final = 1.0
LATE: Final = "log"
"""Logfire sends what a stream said as a span of no length, beside the span of the call."""

CONTENT_FIELDS: Final = frozenset(
    {"input_messages", "output_messages", "input_value", "output_value", "system", "documents", "texts", "invocation"}
    | {"answer_text", "answer_reasoning", "answer_calls"}
)
STEPS: Final = frozenset({"chain", "agent", "workflow"})
CONTENT_BY_KIND: Final = {"embedding": of_embedding, "tool": of_tool, "retriever": of_retrieval}


class Scope(NamedTuple):
    """Which instrumentation told of a span."""

    name: str
    version: str


class Resource(NamedTuple):
    """What the resource says of everything in it."""

    values: Values
    app: str
    sdk: str | None


def source_of(resource: Attributes, table: Table) -> Resource:
    """Read a resource; one without a service name is `unknown`."""
    values = read(resource, table).values
    sdk = " ".join(values[part] for part in ("sdk_language", "sdk_version") if part in values)
    return Resource(values, values.get("app") or "unknown", sdk or None)


def add_spans(groups: Iterable[SpanGroup], table: Table, batch: Batch, received: int) -> tuple[int, Counter[str]]:
    """Append the rows of all good spans; return their number and why how many others were refused."""
    accepted, refused, strangers = 0, Counter[str](), Strangers()
    for group in groups:
        source = source_of(group.resource, table)
        scope_dialect = table.scope_dialect(group.scope)
        rules, scope = table.within(group.scope), Scope(group.scope, group.scope_version)
        reasons = Counter[str]()
        for span in group.spans:
            reason = _fault(span)
            if reason is None:
                add_span(span, source, scope, scope_dialect, rules, batch, received, strangers)
                accepted += 1
            else:
                reasons[reason] += 1
        for reason, count in reasons.items():
            batch.add("refusals", time=received, source=source.app, received=count, reason=reason)
        refused += reasons
    strangers.flush(batch, received)
    return accepted, refused


def _fault(span: WireSpan) -> str | None:
    if not is_id(span.trace_id, ZERO_TRACE):
        return "trace id is base64, not hex" if _is_base64(span.trace_id, 16) else "trace id is zero or not 16 bytes"
    if not is_id(span.span_id, ZERO_SPAN):
        return "span id is zero or not 8 bytes"
    return None


def _is_base64(text: str, size: int) -> bool:
    """Tell an id in the encoding of plain proto3 JSON, which OTLP does not use for ids (ids are lower-case here)."""
    return len(text) == 4 * -(-size // 3) and text.endswith("=")


def add_span(
    span: WireSpan,
    source: Resource,
    group: Scope,
    scope_dialect: str | None,
    table: Table,
    batch: Batch,
    received: int,
    strangers: Strangers,
    kind: str | None = None,
) -> None:
    """Append the rows of one span, and note it when it is not understood; `kind` is for what was told as something else than a span, and says what it is."""
    flags = ["attrs_cut"] if len(span.attributes) > MAX_ATTRIBUTES else []
    values, rest, dialect = read(span.attributes, table)
    time = moment(span.start_ns, received, flags)
    if span.events or "told_events" in values:
        read_events(span, values, table, batch, received, source.app)
    kind = resolve_kind(span, values, rest, table) if kind is None else said_to_be(kind, values)
    if kind in STEPS:
        note_replies(span.trace_id, values, batch)
    content = _content(kind, values, flags, wide=len(span.attributes) >= WIDE)
    if any(content):
        batch.rows["content"].append([span.trace_id, span.span_id, time, "span", *content])
    elif kind == "llm" and span.status != ERROR and (texts := unread_texts(rest, table)):
        strangers.note_call(source.app, group.name, span.name, texts)
    spoken = scope_dialect or dialect
    settle(values, span, kind, spoken, table)
    duration = duration_ms(span, received, flags)
    if duration is not None and values.get("ttft_ms", 0) > duration + ROUNDING_MS:
        flags.append("ttft_impossible")  # in another unit than its sender says, and nobody knows which
        del values["ttft_ms"]
    if kind == "llm" and values.get("span_type") == LATE:
        flags.append("stream_end")
        values["stream"] = True
    if "tools" in values:
        rest["tools"] = tool_names(values["tools"])
    get = values.get
    resource = source.values.get
    batch.rows["spans"].append(
        [
            span.trace_id,
            span.span_id,
            span.parent_id if is_id(span.parent_id, ZERO_SPAN) else None,
            time,
            duration,
            received,
            span.name[:1024],
            kind,
            STATUS.get(span.status, "unset"),
            get("error_type"),
            get("error_message"),
            source.app,
            get("environment") or resource("environment"),
            get("release") or resource("release"),
            group.name or None,
            spoken,
            group.version or None,
            source.sdk,
            get("operation"),
            get("provider"),
            get("request_model"),
            get("response_model"),
            get("response_id"),
            get("input_tokens"),
            get("output_tokens"),
            get("cached_input_tokens"),
            get("cache_write_tokens"),
            get("reasoning_tokens"),
            get("usage_source"),
            get("cost_usd"),
            None,
            get("finish_reason"),
            get("stream"),
            get("ttft_ms"),
            get("user_id") or resource("user_id"),
            get("session_id") or resource("session_id"),
            get("message_id"),
            get("prompt_name") or resource("prompt_name"),
            get("prompt_version") or resource("prompt_version"),
            get("experiment") or resource("experiment"),
            get("variant") or resource("variant"),
            get("tool_name"),
            get("tool_call_id"),
            unknown_keys(rest, table),
            None,
            attrs_json(rest, flags),
            source.app,
            weight_of(span, values),
            *(get(name) or resource(name) for name in OF_AUDIENCE),
        ]
    )
    if flags:
        batch.rows["spans"][-1][FLAGS] = ",".join(flags)
    if kind == "other":
        strangers.note_span(source.app, group.name, span.name, span.attributes)


def _content(kind: str, values: Values, flags: list[str], *, wide: bool) -> Content:
    if CONTENT_FIELDS.isdisjoint(values):
        return Content()
    try:
        if kind == "llm":
            return of_call(values, flags, wide=wide)
        as_step = kind not in CONTENT_BY_KIND and ("input_messages" in values or "output_messages" in values)
        return of_step(values, flags) if as_step else CONTENT_BY_KIND.get(kind, of_step)(values, flags)
    except RecursionError:  # nesting that is valid JSON and nonsense; the span itself is good
        flags.append("content_unreadable")
        return Content()
