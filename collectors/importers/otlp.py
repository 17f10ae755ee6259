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
from collectors.importers.readers import ImportItem
from collectors.importers.record import Added, BadRecord, Origin
from collectors.importers.signals import signal_in
from collectors.meters import decode_metrics

Group = TypeVar("Group")
Decoder = Callable[[bytes, Media, Batch, int, Table | None], Outcome]

DECODERS: Final[dict[str, Decoder]] = {"traces": decode_traces, "logs": decode_logs}
KEYS: Final = {
    "resourceSpans": "spans",
    "resourceLogs": "events",
    "resourceMetrics": "meters: how many calls a client says it made",
}
SIGNALS: Final = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}


class _Signals(msgspec.Struct, rename="camel"):
    """Which signals a JSON request holds; their content stays unparsed."""

    resource_spans: msgspec.Raw = msgspec.Raw(b"")
    resource_logs: msgspec.Raw = msgspec.Raw(b"")
    resource_metrics: msgspec.Raw = msgspec.Raw(b"")


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a JSON export request."""
    return not SIGNALS.keys().isdisjoint(record)


def add(batch: Batch, item: ImportItem, origin: Origin) -> Added:
    """Append what one request holds. Raises `BadRecord` when it cannot be parsed."""
    try:
        if item.raw.lstrip()[:1] == b"{":
            return _json(item.raw, batch, origin)
        signal = origin.signal or signal_in(item.raw)
        return _decoded(signal, item.raw, "protobuf", batch, origin)
    except BadBody as error:
        raise BadRecord(str(error)) from None


def _json(body: bytes, batch: Batch, origin: Origin) -> Added:
    try:
        held = msgspec.json.decode(body, type=_Signals)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"not JSON: {error}") from None
    signals = (("traces", held.resource_spans), ("logs", held.resource_logs), ("metrics", held.resource_metrics))
    parts = [_decoded(signal, body, "json", batch, origin) for signal, raw in signals if bytes(raw)]
    if not parts and body.strip() != b"{}":
        raise BadRecord("neither resourceSpans nor resourceLogs nor resourceMetrics")
    messages = "; ".join(part.message for part in parts if part.message)
    return Added(sum(p.accepted for p in parts), sum(p.rejected for p in parts), messages)


def _decoded(signal: str, body: bytes, media: Media, batch: Batch, origin: Origin) -> Added:
    """Metrics count calls: what is kept of them are the points of a few, as at the door."""
    if signal == "metrics":
        before = len(batch.rows["meters"])
        decode_metrics(body, media, batch, origin.received_us)
        return Added(len(batch.rows["meters"]) - before)
    return Added(*DECODERS[signal](body, media, batch, origin.received_us, origin.rules)[:3])


def pairs(item: ImportItem) -> Iterator[tuple[str, Any]]:
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
