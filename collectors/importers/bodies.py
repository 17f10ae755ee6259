"""Recorded OTLP request bodies: one file is one body, as it went over the wire."""

from __future__ import annotations

from typing import IO, Any, Final

import msgspec

from collectors.batch import Batch
from collectors.decode import BadBody, Media, Outcome, decode_logs, decode_traces
from collectors.importers.files import Source

DECODERS: Final = {"traces": decode_traces, "logs": decode_logs}
SIGNALS: Final = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}
NOTHING: Final = Outcome(0, 0, "")


def read_body(file: IO[bytes], limit: int) -> bytes:
    """Return the whole of `file`. Raises `BadBody` when it is larger than `limit` bytes, unpacked."""
    body = file.read(limit + 1)
    if len(body) > limit:
        raise BadBody(f"larger than {limit / 1e6:g} MB unpacked (collector.max_body_mb)")
    return body


def decode(source: Source, body: bytes, batch: Batch, received_us: int) -> Outcome:
    """Append what `body` holds to `batch`. Metrics are taken and not kept, as at the door. Raises `BadBody`."""
    media: Media = "json" if source.form == "json" else "protobuf"
    signal = (_signal_of(body) if media == "json" else None) or source.signal
    if signal == "metrics":
        return NOTHING
    if signal is not None:
        return DECODERS[signal](body, media, batch, received_us)
    return _either(body, media, batch, received_us)


def _either(body: bytes, media: Media, batch: Batch, received_us: int) -> Outcome:
    """Protobuf does not say what it is. As the wrong signal a body yields nothing: ids are not where they should be."""
    mark = batch.mark()
    outcome = decode_traces(body, media, batch, received_us)
    if outcome.accepted or not outcome.rejected:
        return outcome
    batch.rollback(mark)
    logs = decode_logs(body, media, batch, received_us)
    if logs.accepted:
        return logs
    batch.rollback(mark)
    return decode_traces(body, media, batch, received_us)


def _signal_of(body: bytes) -> str | None:
    found = content_of(body)
    keys = found.keys() if isinstance(found, dict) else ()
    return next((SIGNALS[key] for key in keys if key in SIGNALS), None)


def records_of(source: Source, body: bytes) -> list[Any] | None:
    """Return the records when a JSON file holds a list of them, or one; None when it is a body, or no JSON."""
    if source.form != "json" or source.signal is not None:
        return None
    found = content_of(body)
    if isinstance(found, dict) and "input" in found:
        return [found]
    return found if isinstance(found, list) else None


def content_of(body: bytes) -> Any:
    """Return `body` as JSON, or None when it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
