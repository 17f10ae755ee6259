"""OTLP export requests as they were recorded, one a file, a line or a frame; traces, logs and metrics in any mixture.

Source: the OpenTelemetry Collector's file exporter (contrib, exporter/fileexporter/README.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from collectors.batch import Batch
from collectors.decode import BadBody, Media, Outcome, decode_logs, decode_traces
from collectors.decode.requests import LOGS_IN, SPANS_IN
from collectors.dialects.table import Table
from collectors.importers.readers import Item
from collectors.importers.told import Added, BadRecord, Origin

Group = TypeVar("Group")
Decoder = Callable[[bytes, Media, Batch, int, Table | None], Outcome]

DECODERS: Final[dict[str, Decoder]] = {"traces": decode_traces, "logs": decode_logs}
KEYS: Final = {"resourceSpans": "spans", "resourceLogs": "events", "resourceMetrics": "taken, not kept"}
SIGNALS: Final = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}


class _Signals(msgspec.Struct, rename="camel"):
    """Which signals a JSON request holds; their content stays unparsed."""

    resource_spans: msgspec.Raw = msgspec.Raw(b"")
    resource_logs: msgspec.Raw = msgspec.Raw(b"")
    resource_metrics: msgspec.Raw = msgspec.Raw(b"")


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a JSON export request."""
    return not SIGNALS.keys().isdisjoint(record)


def add(batch: Batch, item: Item, origin: Origin) -> Added:
    """Append what one request holds. Metrics are taken and not kept. Raises `BadRecord` when it cannot be parsed."""
    try:
        if item.raw.lstrip()[:1] == b"{":
            return _json(item.raw, batch, origin)
        if origin.signal == "metrics":
            return Added()
        if origin.signal is not None:
            told = DECODERS[origin.signal](item.raw, "protobuf", batch, origin.received_us, origin.rules)
            return Added(*told[:3])
        return Added(*_either(item.raw, batch, origin)[:3])
    except BadBody as error:
        raise BadRecord(str(error)) from None


def _json(body: bytes, batch: Batch, origin: Origin) -> Added:
    try:
        held = msgspec.json.decode(body, type=_Signals)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"not JSON: {error}") from None
    parts = [DECODERS[s](body, "json", batch, origin.received_us, origin.rules) for s, raw in
             (("traces", held.resource_spans), ("logs", held.resource_logs)) if bytes(raw)]  # fmt: skip
    if not parts and not bytes(held.resource_metrics) and body.strip() != b"{}":
        raise BadRecord("neither resourceSpans nor resourceLogs nor resourceMetrics")
    messages = "; ".join(part.message for part in parts if part.message)
    return Added(sum(p.accepted for p in parts), sum(p.rejected for p in parts), messages)


def pairs(item: Item) -> Iterator[tuple[str, Any]]:
    """Yield every attribute of a request: of resources, spans, their events, and log records. One that cannot be parsed has none."""
    media: Media = "json" if item.raw.lstrip()[:1] == b"{" else "protobuf"
    for group in _groups(SPANS_IN[media], item.raw):
        yield from group.resource.items()
        for span in group.spans:
            yield from span.attributes.items()
            for event in span.events:
                yield from event.attributes.items()
    for told in _groups(LOGS_IN[media], item.raw):
        yield from told.resource.items()
        for log in told.logs:
            yield from log.attributes.items()


def _groups(read: Callable[[bytes], Iterator[Group]], body: bytes) -> Iterator[Group]:
    """Protobuf read as another signal is refused, or yields groups with nothing in them."""
    with contextlib.suppress(BadBody):
        yield from read(body)


def _either(body: bytes, batch: Batch, origin: Origin) -> Outcome:
    """Protobuf does not say what it is. As the wrong signal a body yields nothing: ids are not where they should be."""
    mark = batch.mark()
    for decode in (decode_traces, decode_logs):
        with contextlib.suppress(BadBody):
            outcome = decode(body, "protobuf", batch, origin.received_us, origin.rules)
            if outcome.accepted or not outcome.rejected:
                return outcome
        batch.rollback(mark)
    return decode_traces(body, "protobuf", batch, origin.received_us, origin.rules)
