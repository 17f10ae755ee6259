"""One span -> one row of `spans`, at most one of `content`, and a row for each score that hangs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from collectors.batch import AT, Batch, Row
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
from collectors.decode.reading import Reading, read
from collectors.decode.replies import note_replies
from collectors.decode.sampling import weight_of
from collectors.decode.span_events import read_events
from collectors.decode.strangers import Strangers, unread_texts
from collectors.decode.wire import MAX_ATTRIBUTES, Attributes, SpanGroup, WireSpan
from collectors.dialects.table import Table, Values
from monitor.model.dimensions import OF_AUDIENCE

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

SHARED: Final = (
    *("environment", "release", "user_id", "session_id", "prompt_name", "prompt_version", "experiment", "variant"),
    *OF_AUDIENCE,
)
"""Fields that a resource may tell for all its spans."""

OWN: Final = (
    *(
        "error_type",
        "error_message",
        "operation",
        "provider",
        "request_model",
        "response_model",
        "response_id",
        "fingerprint",
    ),
    *("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("usage_source", "cost_usd", "finish_reason", "stream", "ttft_ms", "message_id", "tool_name", "tool_call_id"),
)
"""Fields of the span itself."""

SPAN: Final = AT["spans"]
COLUMN: Final = {field: SPAN[field] for field in (*SHARED, *OWN)}
"""Where in a row the fields stand that it takes over as they are."""

TRACE, ID, PARENT, TIME = SPAN["trace_id"], SPAN["span_id"], SPAN["parent_id"], SPAN["time"]
DURATION, NAME, KIND, STATE = SPAN["duration_ms"], SPAN["name"], SPAN["kind"], SPAN["status"]
DIALECT, UNKNOWN, ATTRS = SPAN["dialect"], SPAN["unknown_keys"], SPAN["attrs"]
WEIGHT, FLAGS = SPAN["sampling_weight"], SPAN["flags"]


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
        source, scope = source_of(group.resource, table), Scope(group.scope, group.scope_version)
        teller = SpanTeller(source, scope, table, batch, received, strangers)
        reasons = Counter[str]()
        for span in group.spans:
            reason = _fault(span)
            if reason is None:
                teller.add(span)
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


class SpanTeller:
    """The spans of one instrumentation scope of one resource, one after the other; what they share is read once."""

    __slots__ = ("batch", "dialect", "received", "scope", "source", "strangers", "table", "template")

    def __init__(
        self, source: Resource, scope: Scope, table: Table, batch: Batch, received: int, strangers: Strangers
    ) -> None:
        self.source, self.scope, self.received = source, scope, received
        self.dialect, self.table = table.scope_dialect(scope.name), table.within(scope.name)
        self.batch, self.strangers = batch, strangers
        self.template = _template(source, scope, received)

    def add(self, span: WireSpan, kind: str | None = None) -> None:
        """Append the rows of one span, and note it when it is not understood; `kind` is for what was told as something else than a span, and says what it is."""
        flags = ["attrs_cut"] if len(span.attributes) > MAX_ATTRIBUTES else []
        found = read(span.attributes, self.table)
        values = found.values
        time = moment(span.start_ns, self.received, flags)
        if span.events or "told_events" in values:
            read_events(span, values, self.table, self.batch, self.received, self.source.app)
        kind = resolve_kind(span, values, found.rest, self.table) if kind is None else said_to_be(kind, values)
        self._add_content(span, kind, time, found, flags)
        settle(values, span, kind, self.dialect or found.dialect, self.table)
        self.batch.rows["spans"].append(self._row(span, kind, time, found, flags))
        if kind == "other":
            self.strangers.note_span(self.source.app, self.scope.name, span.name, span.attributes)

    def _add_content(self, span: WireSpan, kind: str, time: int, found: Reading, flags: list[str]) -> None:
        if kind in STEPS:
            note_replies(span.trace_id, found.values, self.batch)
        content = _content(kind, found.values, flags, wide=len(span.attributes) >= WIDE)
        if any(content):
            self.batch.rows["content"].append([span.trace_id, span.span_id, time, "span", *content])
        elif kind == "llm" and span.status != ERROR and (texts := unread_texts(found.rest, self.table)):
            self.strangers.note_call(self.source.app, self.scope.name, span.name, texts)

    def _row(self, span: WireSpan, kind: str, time: int, found: Reading, flags: list[str]) -> Row:
        values, rest = found.values, found.rest
        row = self.template.copy()
        row[TRACE], row[ID], row[TIME], row[KIND] = span.trace_id, span.span_id, time, kind
        row[NAME], row[STATE] = span.name[:1024], STATUS.get(span.status, "unset")
        if is_id(span.parent_id, ZERO_SPAN):
            row[PARENT] = span.parent_id
        row[DURATION] = duration = duration_ms(span, self.received, flags)
        _note_stream(kind, values, duration, flags)
        for field, value in values.items():
            if field in COLUMN and (value or value == 0):
                row[COLUMN[field]] = value
        row[DIALECT] = self.dialect or found.dialect
        row[WEIGHT] = weight_of(span, values)
        row[UNKNOWN] = unknown_keys(found.unknown)
        if "tools" in values:
            rest["tools"] = tool_names(values["tools"])
        row[ATTRS] = attrs_json(rest, flags)
        row[FLAGS] = ",".join(flags) if flags else None
        return row


def _template(source: Resource, scope: Scope, received: int) -> Row:
    """Return the row of a span that says nothing of itself."""
    row: Row = [None] * len(SPAN)
    for field in SHARED:
        row[SPAN[field]] = source.values.get(field)
    told = {"app": source.app, "source": source.app, "sdk": source.sdk, "received_at": received}
    for column, value in (told | {"scope": scope.name or None, "scope_version": scope.version or None}).items():
        row[SPAN[column]] = value
    return row


def _note_stream(kind: str, values: Values, duration: float | None, flags: list[str]) -> None:
    if duration is not None and values.get("ttft_ms", 0) > duration + ROUNDING_MS:
        flags.append("ttft_impossible")  # in another unit than its sender says, and nobody knows which
        del values["ttft_ms"]
    if kind == "llm" and values.get("span_type") == LATE:
        flags.append("stream_end")
        values["stream"] = True


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
