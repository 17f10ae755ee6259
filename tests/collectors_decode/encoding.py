"""OTLP/JSON from a protobuf request, as the specification says: hex ids, 64-bit numbers as text, base64 bytes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
SPAN = bytes.fromhex("b7ad6b7169203331")
START = 1_767_225_600_000_000_000
RECEIVED = START // 1000 + 60_000_000


def any_value(value: Any) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    return AnyValue(string_value=value)


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def span_of(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    given: dict[str, Any] = {"trace_id": TRACE, "span_id": SPAN, "name": "span"}
    given |= {"start_time_unix_nano": START, "end_time_unix_nano": START + 1_000_000_000}
    return Span(attributes=pairs(attributes or {}), **(given | fields))


def event_of(name: str, attributes: dict[str, Any], at: int = START) -> Span.Event:
    return Span.Event(name=name, time_unix_nano=at, attributes=pairs(attributes))


def request_of(*spans: Span, resource: dict[str, Any] | None = None, scope: str = "") -> ExportTraceServiceRequest:
    scoped = ScopeSpans(spans=spans)
    scoped.scope.name, _, scoped.scope.version = scope.partition("@")
    named = Resource(attributes=pairs({"service.name": "shop"} if resource is None else resource))
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=named, scope_spans=[scoped])])


def traces_json(request: ExportTraceServiceRequest) -> bytes:
    blocks = [
        {
            "resource": {"attributes": _pairs_json(block.resource.attributes)},
            "scopeSpans": [
                {
                    "scope": {"name": scoped.scope.name, "version": scoped.scope.version},
                    "spans": [_span_json(span) for span in scoped.spans],
                }
                for scoped in block.scope_spans
            ],
        }
        for block in request.resource_spans
    ]
    return json.dumps({"resourceSpans": blocks}, ensure_ascii=False).encode()


def logs_json(request: ExportLogsServiceRequest) -> bytes:
    blocks = [
        {
            "resource": {"attributes": _pairs_json(block.resource.attributes)},
            "scopeLogs": [
                {
                    "scope": {"name": one.scope.name, "version": one.scope.version},
                    "logRecords": [_log_json(log) for log in one.log_records],
                }
                for one in block.scope_logs
            ],
        }
        for block in request.resource_logs
    ]
    return json.dumps({"resourceLogs": blocks}, ensure_ascii=False).encode()


def _span_json(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex().upper(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "traceState": span.trace_state,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": span.end_time_unix_nano,
        "status": {"code": span.status.code, "message": span.status.message},
        "attributes": _pairs_json(span.attributes),
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_unix_nano),
                "attributes": _pairs_json(event.attributes),
            }
            for event in span.events
        ],
    }


def _log_json(log: LogRecord) -> dict[str, Any]:
    return {
        "traceId": log.trace_id.hex(),
        "spanId": log.span_id.hex(),
        "timeUnixNano": str(log.time_unix_nano),
        "observedTimeUnixNano": str(log.observed_time_unix_nano),
        "eventName": log.event_name,
        "body": _value_json(log.body),
        "attributes": _pairs_json(log.attributes),
    }


def _pairs_json(attributes: Iterable[KeyValue]) -> list[dict[str, Any]]:
    return [{"key": pair.key, "value": _value_json(pair.value)} for pair in attributes]


def _value_json(value: AnyValue) -> dict[str, Any]:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return {"arrayValue": {"values": [_value_json(item) for item in value.array_value.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": _pairs_json(value.kvlist_value.values)}}
    if kind == "int_value":
        return {"intValue": str(value.int_value)}
    if kind == "bytes_value":
        return {"bytesValue": b64encode(value.bytes_value).decode()}
    names = {"string_value": "stringValue", "bool_value": "boolValue", "double_value": "doubleValue"}
    return {names[kind]: getattr(value, kind)} if kind else {}
