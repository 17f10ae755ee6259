"""OTLP/JSON: lowerCamelCase, hex ids in any case, 64-bit numbers as text or number, enums as number or name.

This is not plain proto3 JSON (ids would be base64 there). Unknown fields are ignored, as the specification demands.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from collectors.decode.json_bodies import parsed_as
from collectors.decode.wire import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    Attributes,
    LogGroup,
    SpanGroup,
    WireEvent,
    WireLog,
    WireSpan,
    blob,
)

Number = int | float | str | None

WHAT: Final = "an OTLP request"
STATUS: Final = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
KINDS: Final = {
    f"SPAN_KIND_{name}": n for n, name in enumerate(("INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"), 1)
}


class _Struct(msgspec.Struct, rename="camel", gc=False):
    """A message of the protocol; null means absent everywhere."""


class _Array(_Struct):
    values: list[_AnyValue | None] | None = None


class _KeyValues(_Struct):
    values: list[_KeyValue] | None = None


class _AnyValue(_Struct):
    string_value: str | None = None
    int_value: Number = None
    double_value: Number = None
    bool_value: bool | None = None
    array_value: _Array | None = None
    kvlist_value: _KeyValues | None = None
    bytes_value: str | None = None


class _KeyValue(_Struct):
    key: str = ""
    value: _AnyValue | None = None


class _Resource(_Struct):
    attributes: list[_KeyValue] | None = None


class _Scope(_Struct):
    name: str | None = None
    version: str | None = None


class _Status(_Struct):
    code: Number = None
    message: str | None = None


class _Event(_Struct):
    name: str | None = None
    time_unix_nano: Number = None
    attributes: list[_KeyValue] | None = None


class _Span(_Struct):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_state: str | None = None
    name: str | None = None
    kind: Number = None
    start_time_unix_nano: Number = None
    end_time_unix_nano: Number = None
    status: _Status | None = None
    attributes: list[_KeyValue] | None = None
    events: list[_Event] | None = None


class _ScopeSpans(_Struct):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _ResourceSpans(_Struct):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Traces(_Struct):
    resource_spans: list[_ResourceSpans] | None = None


class _Log(_Struct):
    trace_id: str | None = None
    span_id: str | None = None
    time_unix_nano: Number = None
    observed_time_unix_nano: Number = None
    event_name: str | None = None
    body: _AnyValue | None = None
    attributes: list[_KeyValue] | None = None


class _ScopeLogs(_Struct):
    scope: _Scope | None = None
    log_records: list[_Log] | None = None


class _ResourceLogs(_Struct):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _Logs(_Struct):
    resource_logs: list[_ResourceLogs] | None = None


_TRACES: Final = msgspec.json.Decoder(_Traces)
_LOGS: Final = msgspec.json.Decoder(_Logs)


def span_groups(body: bytes) -> Iterator[SpanGroup]:
    """Parse a trace export request; raises `BadBody` before the first group."""
    return _span_groups(parsed_as(_TRACES, body, WHAT))


def log_groups(body: bytes) -> Iterator[LogGroup]:
    """Parse a log export request; raises `BadBody` before the first group."""
    return _log_groups(parsed_as(_LOGS, body, WHAT))


def _span_groups(request: _Traces) -> Iterator[SpanGroup]:
    for block in request.resource_spans or ():
        resource = _attributes(block.resource.attributes if block.resource else None)
        for scoped in block.scope_spans or ():
            scope = scoped.scope or _Scope()
            yield SpanGroup(resource, scope.name or "", scope.version or "", map(_span, scoped.spans or ()))


def _log_groups(request: _Logs) -> Iterator[LogGroup]:
    for block in request.resource_logs or ():
        resource = _attributes(block.resource.attributes if block.resource else None)
        for scoped in block.scope_logs or ():
            scope = scoped.scope or _Scope()
            yield LogGroup(resource, scope.name or "", scope.version or "", map(_log, scoped.log_records or ()))


def _span(span: _Span) -> WireSpan:
    status = span.status
    return WireSpan(
        (span.trace_id or "").lower(),
        (span.span_id or "").lower(),
        (span.parent_span_id or "").lower(),
        span.name or "",
        _integer(span.start_time_unix_nano),
        _integer(span.end_time_unix_nano),
        _named(status.code, STATUS) if status else 0,
        (status.message if status else None) or "",
        _attributes(span.attributes),
        [_event(event) for event in span.events or ()],
        _named(span.kind, KINDS),
        span.trace_state or "",
    )


def _event(event: _Event) -> WireEvent:
    return WireEvent(event.name or "", _integer(event.time_unix_nano), _attributes(event.attributes))


def _log(record: _Log) -> WireLog:
    return WireLog(
        (record.trace_id or "").lower(),
        (record.span_id or "").lower(),
        _integer(record.time_unix_nano),
        _integer(record.observed_time_unix_nano),
        record.event_name or "",
        _value(record.body, 0),
        _attributes(record.attributes),
    )


def _attributes(pairs: Iterable[_KeyValue] | None) -> Attributes:
    return {pair.key: _value(pair.value, 0) for pair in islice(pairs or (), MAX_ATTRIBUTES + 1)}


def _value(value: _AnyValue | None, depth: int) -> Any:
    if value is None or depth > MAX_DEPTH:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _integer(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    return _rare_value(value, depth)


def _rare_value(value: _AnyValue, depth: int) -> Any:
    if value.double_value is not None:
        return _double(value.double_value)
    if value.array_value is not None:
        return [_value(item, depth + 1) for item in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values or ()}
    return None if value.bytes_value is None else _bytes(value.bytes_value)


def _integer(value: Number) -> int:
    """Return a whole number, 0 when it is none: the number of one field never costs the body."""
    try:
        return int(value or 0)
    except (ValueError, OverflowError):
        return 0


def _double(value: Number) -> float | None:
    try:
        return float(value or 0)
    except (ValueError, OverflowError):
        return None


def _bytes(text: str) -> str | None:
    try:
        return blob(b64decode(text))
    except (Base64Error, ValueError):
        return None


def _named(code: Number, names: Mapping[str, int]) -> int:
    return names[code] if isinstance(code, str) and code in names else _integer(code)
