"""Spans as people hold them in their hands: one JSON object a span, in the shapes that three tools write.

- CloudWatch, log group `aws/spans`: OTLP's names, attributes as an object, also inside the `@message` of a Logs Insights export.
  Source: docs.aws.amazon.com/AmazonCloudWatch, Transaction Search.
- OpenTelemetry for Python, `span.to_json()` (the console exporter): ids with `0x`, times as text.
  Source: github.com/open-telemetry/opentelemetry-python, opentelemetry-sdk, sdk/trace.
- Phoenix, exported spans: nested attributes, or a table whose columns are `context.trace_id`, `attributes.llm.model_name`, ...
  Source: arize.com/docs/phoenix, "export spans".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from collectors.batch import Batch
from collectors.decode.spans import add_spans
from collectors.decode.wire import SpanGroup, WireEvent, WireSpan
from collectors.dialects.table import table
from collectors.importers.instants import nanoseconds
from collectors.importers.readers import ImportItem
from collectors.importers.record import UNKNOWN, Added, BadRecord, Origin, first, mapping, opened, said

Record = Mapping[str, Any]

KEYS: Final = {
    "traceId": "trace_id",
    "spanId": "span_id",
    "parentSpanId": "parent_id",
    "context": "trace_id, span_id",
    "context.trace_id": "trace_id",
    "context.span_id": "span_id",
    "parent_id": "parent_id",
    "name": "name",
    "kind": "kind",
    "span_kind": "kind",
    "startTimeUnixNano": "time",
    "endTimeUnixNano": "duration_ms",
    "durationNano": "duration_ms",
    "start_time": "time",
    "end_time": "duration_ms",
    "status": "status",
    "status_code": "status",
    "status_message": "error_message",
    "attributes": "whatever the dialects make of each",
    "events": "messages, errors and scores",
    "resource": "app, environment, release",
    "scope": "scope",
    "traceState": "sampling_weight",
}

KINDS: Final = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
STATUS: Final = {"OK": 1, "ERROR": 2}
PREFIX: Final = "attributes."
MAX_DEPTH: Final = 16


def looks_cloudwatch(record: Record) -> bool:
    """Tell a line of `aws/spans`."""
    one = _message(record)
    return {"traceId", "spanId"} <= one.keys() and isinstance(opened(one.get("attributes")), dict)


def looks_python(record: Record) -> bool:
    """Tell what `span.to_json()` writes."""
    context = record.get("context")
    return isinstance(context, dict) and str(context.get("trace_id", "")).startswith("0x")


def looks_phoenix(record: Record) -> bool:
    """Tell a span of Phoenix, nested or as a row of a table."""
    context = record.get("context")
    nested = isinstance(context, dict) and "span_id" in context
    return (nested or "context.span_id" in record) and bool({"span_kind", "start_time"} & record.keys())


def add(batch: Batch, item: ImportItem, origin: Origin) -> Added:
    """Append one span. Raises `BadRecord`."""
    record = _message(item.record)
    resource, span = _resource(record, origin), _span(record, origin)
    scope = mapping(record.get("scope") or record.get("instrumentation_scope"))
    group = SpanGroup(resource, said(scope.get("name")) or "", said(scope.get("version")) or "", iter([span]))
    rules = table() if origin.rules is None else origin.rules
    accepted, refused = add_spans([group], rules, batch, origin.received_us)
    if refused:
        raise BadRecord("; ".join(refused))
    return Added(accepted)


def _message(record: Record) -> Record:
    """Take a span out of the row that a query of Logs Insights puts around it."""
    inner = opened(record.get("@message"))
    return inner if isinstance(inner, dict) else record


def _resource(record: Record, origin: Origin) -> dict[str, Any]:
    told = mapping(mapping(record.get("resource")).get("attributes"))
    return told | {"service.name": said(told.get("service.name")) or origin.app or UNKNOWN}


def _span(record: Record, origin: Origin) -> WireSpan:
    context = mapping(record.get("context"))
    status = mapping(record.get("status")) or {"code": record.get("status_code") or record.get("status")}
    start = nanoseconds(first(record.get("startTimeUnixNano"), record.get("start_time")))
    end = nanoseconds(first(record.get("endTimeUnixNano"), record.get("end_time")))
    return WireSpan(
        _id(first(record.get("traceId"), context.get("trace_id"), record.get("context.trace_id"))),
        _id(first(record.get("spanId"), context.get("span_id"), record.get("context.span_id"))),
        _id(first(record.get("parentSpanId"), record.get("parent_id"))),
        first(record.get("name")) or "span",
        start or origin.changed_us * 1000,
        end if start else 0,
        _word(first(status.get("code"), status.get("status_code")), STATUS),
        first(status.get("message"), status.get("description"), record.get("status_message")) or "",
        _attributes(record),
        [_event(event) for event in _events(record)],
        _word(said(record.get("kind")), KINDS),
        said(record.get("traceState")) or "",
    )


def _id(text: str | None) -> str:
    return (text or "").lower().removeprefix("0x")


def _word(text: str | None, words: Mapping[str, int]) -> int:
    """Read a name such as `SpanKind.CLIENT`, `STATUS_CODE_OK` or `ERROR`; a number stands for itself."""
    if text is None:
        return 0
    named = text.upper().replace("SPAN_KIND_", "").replace("STATUS_CODE_", "").rsplit(".", 1)[-1]
    return int(named) if named.isdecimal() and len(named) < 3 else words.get(named, 0)


def _attributes(record: Record) -> dict[str, Any]:
    nested = mapping(record.get("attributes"))
    columns = {key.removeprefix(PREFIX): opened(value) for key, value in record.items() if key.startswith(PREFIX)}
    span_kind = said(record.get("span_kind"))
    dotted = {key: value for key, value in nested.items() if "." in key}  # said in full already
    told = dict(_flat("", columns | {key: value for key, value in nested.items() if key not in dotted}, 0)) | dotted
    return told | (
        {"openinference.span.kind": span_kind} if span_kind and "openinference.span.kind" not in told else {}
    )


def _flat(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield nested attributes under their dotted names, as they were sent; lists of plain values stay lists."""
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner, depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value) and depth < MAX_DEPTH:
        for number, inner in enumerate(value):
            yield from _flat(f"{path}.{number}", inner, depth + 1)
    elif value is not None:
        yield path, value


def _events(record: Record) -> Iterable[Record]:
    listed = opened(record.get("events"))
    return [event for event in listed if isinstance(event, dict)] if isinstance(listed, list) else ()


def _event(event: Record) -> WireEvent:
    time = first(event.get("timeUnixNano"), event.get("timestamp"))
    return WireEvent(said(event.get("name")) or "", nanoseconds(time), dict(mapping(event.get("attributes"))))
