"""One span -> one row of `spans`, at most one of `content`, and a row for each score that hangs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

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
from collectors.decode.derived import ERROR, resolve_kind, settle
from collectors.decode.leftovers import attrs_json, unknown_keys
from collectors.decode.occurrences import add_score, event_messages, flag_of
from collectors.decode.reading import read
from collectors.decode.replies import note_replies
from collectors.decode.wire import Attributes, SpanGroup, WireEvent, WireSpan
from collectors.dialects.table import Table, Values

DAY_US: Final = 86_400_000_000
ZERO_TRACE: Final = "0" * 32
ZERO_SPAN: Final = "0" * 16
HEX: Final = frozenset("0123456789abcdef")
FLAGS: Final = AT["spans"]["flags"]

STATUS: Final = {1: "ok", ERROR: "error"}
LATE: Final = "log"
"""Logfire sends what a stream said as a span of no length, beside the span of the call."""

CONTENT_FIELDS: Final = frozenset(
    {"input_messages", "output_messages", "input_value", "output_value", "system", "documents", "texts", "invocation"}
    | {"answer_text", "answer_reasoning", "answer_calls"}
)
STEPS: Final = frozenset({"chain", "agent", "workflow"})
CONTENT_BY_KIND: Final = {"embedding": of_embedding, "tool": of_tool, "retriever": of_retrieval}


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
    accepted, refused = 0, Counter[str]()
    for group in groups:
        source = source_of(group.resource, table)
        scope_dialect = table.scope_dialect(group.scope)
        reasons = Counter[str]()
        for span in group.spans:
            reason = _fault(span)
            if reason is None:
                _add_span(span, source, group, scope_dialect, table, batch, received)
                accepted += 1
            else:
                reasons[reason] += 1
        for reason, count in reasons.items():
            batch.add("refusals", time=received, source=source.app, received=count, reason=reason)
        refused += reasons
    return accepted, refused


def _fault(span: WireSpan) -> str | None:
    if not is_id(span.trace_id, ZERO_TRACE):
        return "trace id is zero or not 16 bytes"
    if not is_id(span.span_id, ZERO_SPAN):
        return "span id is zero or not 8 bytes"
    return None


def is_id(text: str, zero: str) -> bool:
    """Tell a well-formed id; `zero` is the invalid one of the same length."""
    return len(text) == len(zero) and text != zero and HEX.issuperset(text)


def _add_span(
    span: WireSpan,
    source: Resource,
    group: SpanGroup,
    scope_dialect: str | None,
    table: Table,
    batch: Batch,
    received: int,
) -> None:
    flags: list[str] = []
    values, rest, dialect = read(span.attributes, table)
    time = moment(span.start_ns, received, flags)
    if span.events:
        _read_events(span, values, table, batch, received, source.app)
    kind = resolve_kind(span.name, values, rest, table)
    if kind in STEPS:
        note_replies(span.trace_id, values, batch)
    content = _content(kind, values, flags, wide=len(span.attributes) >= WIDE)
    if any(content):
        batch.rows["content"].append([span.trace_id, span.span_id, time, "span", *content])
    spoken = scope_dialect or dialect
    settle(values, span, kind, spoken, table)
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
            _duration_ms(span, received, flags),
            received,
            span.name[:1024],
            kind,
            STATUS.get(span.status, "unset"),
            get("error_type"),
            get("error_message"),
            source.app,
            get("environment") or resource("environment"),
            get("release") or resource("release"),
            group.scope or None,
            spoken,
            group.scope_version or None,
            source.sdk,
            get("operation"),
            get("provider"),
            get("request_model"),
            get("response_model"),
            get("response_id"),
            get("input_tokens"),
            get("output_tokens"),
            get("cached_input_tokens"),
            get("usage_source"),
            get("cost_usd"),
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
        ]
    )
    if flags:
        batch.rows["spans"][-1][FLAGS] = ",".join(flags)


def moment(time_ns: int, received: int, flags: list[str]) -> int:
    """Return microseconds; a time that is missing or lies ahead of us is replaced by when we got it, and flagged."""
    time = time_ns // 1000
    if time <= 0:
        flags.append("time_unknown")
        return received
    if time > received + DAY_US:
        flags.append("time_future")
        return received
    return time


def _duration_ms(span: WireSpan, received: int, flags: list[str]) -> float | None:
    if span.start_ns <= 0 or span.end_ns <= 0:
        return None
    if span.end_ns < span.start_ns:
        flags.append("negative_duration")
        return None
    if span.end_ns // 1000 > received + DAY_US and "time_future" not in flags:
        flags.append("end_future")
        return None
    return (span.end_ns - span.start_ns) / 1e6


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


def _read_events(span: WireSpan, values: Values, table: Table, batch: Batch, received: int, app: str) -> None:
    said: dict[str, list[Any]] = {"system": [], "input": [], "output": []}
    for event in span.events:
        part = table.events.get(event.name)
        if part == "details":
            values |= {
                name: value for name, value in read(event.attributes, table).values.items() if name not in values
            }
        elif part in said:
            said[part] += event_messages(event.name, None, event.attributes)
        elif part is not None:
            _read_event(event, part, span, values, table, batch, received, app)
        elif event.name in table.first_token_events and event.time_ns > span.start_ns > 0:
            values.setdefault("first_chunk_ms", (event.time_ns - span.start_ns) / 1e6)
    if said["system"] or said["input"]:
        values.setdefault("input_messages", said["system"] + said["input"])
    if said["output"]:
        values.setdefault("output_messages", said["output"])


def _read_event(
    event: WireEvent, part: str, span: WireSpan, values: Values, table: Table, batch: Batch, received: int, app: str
) -> None:
    found = read(event.attributes, table).values
    if part == "exception":
        for field in ("exception_type", "exception_message"):
            if field in found:
                values.setdefault(field, found[field])
    elif part == "flag":
        flag = flag_of(found, event.attributes)
        if flag is not None and (is_split(event.attributes) or "variant" not in values):
            values |= {"experiment": flag["experiment"], "variant": flag["variant"]}
            if "context_id" in flag:
                values.setdefault("user_id", flag["context_id"])
    elif part == "score":
        add_score(
            batch,
            found,
            trace_id=span.trace_id,
            span_id=span.span_id,
            time=moment(event.time_ns or span.start_ns, received, []),
            at=event.time_ns,
            received=received,
            source=app,
        )


def is_split(attributes: Attributes) -> bool:
    """Tell a flag that splits traffic at random from one that targets."""
    return attributes.get("feature_flag.result.reason") == "split"
