"""OTLP/protobuf through upb. Truncated bodies, garbage and invalid UTF-8 are refused as a whole by the parser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collectors.decode.errors import BadBody
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


def span_groups(body: bytes) -> Iterator[SpanGroup]:
    """Parse a trace export request; raises `BadBody` before the first group."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except (DecodeError, RecursionError) as error:
        raise BadBody(f"not an OTLP trace request in protobuf: {error}") from None
    return _span_groups(request)


def log_groups(body: bytes) -> Iterator[LogGroup]:
    """Parse a log export request; raises `BadBody` before the first group."""
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except (DecodeError, RecursionError) as error:
        raise BadBody(f"not an OTLP log request in protobuf: {error}") from None
    return _log_groups(request)


def _span_groups(request: ExportTraceServiceRequest) -> Iterator[SpanGroup]:
    for block in request.resource_spans:
        resource = _attributes(block.resource.attributes)
        for scoped in block.scope_spans:
            yield SpanGroup(resource, scoped.scope.name, scoped.scope.version, map(_span, scoped.spans))


def _log_groups(request: ExportLogsServiceRequest) -> Iterator[LogGroup]:
    for block in request.resource_logs:
        resource = _attributes(block.resource.attributes)
        for scoped in block.scope_logs:
            yield LogGroup(resource, scoped.scope.name, scoped.scope.version, map(_log, scoped.log_records))


def _span(span: Span) -> WireSpan:
    status = span.status
    return WireSpan(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        _attributes(span.attributes),
        [WireEvent(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events],
        span.kind,
        span.trace_state,
    )


def _log(record: LogRecord) -> WireLog:
    return WireLog(
        record.trace_id.hex(),
        record.span_id.hex(),
        record.time_unix_nano,
        record.observed_time_unix_nano,
        record.event_name,
        _value(record.body, 0),
        _attributes(record.attributes),
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    # Nearly all values are strings, and asking for the string is twice as fast as asking which kind it is.
    some = islice(pairs, MAX_ATTRIBUTES + 1)  # one more tells that there were more
    return {pair.key: pair.value.string_value or _value(pair.value, 0) for pair in some}


def _value(value: AnyValue, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or depth > MAX_DEPTH:
        return None
    if kind == "array_value":
        return [_value(item, depth + 1) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return blob(value.bytes_value)
    return getattr(value, kind)
