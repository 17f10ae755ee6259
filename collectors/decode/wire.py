"""OTLP as plain Python values: the one shape that both encodings are reduced to, so that mapping exists once.

Ids are lower-case hex ("" when absent, whatever was sent when malformed). Times are nanoseconds since the epoch, 0 when
absent. Attribute values are str, bool, int, float, None, list and dict; bytes are told by their size (see `blob`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

Attributes = dict[str, Any]

MAX_DEPTH: Final = 32
"""Nesting of attribute values beyond this is cut: no convention goes deeper than about ten."""

MAX_ATTRIBUTES: Final = 4096
"""Of one span, event or record; SDKs send at most 128 unless told otherwise, and reading has a price for each key."""

KEPT_BYTES: Final = 48


class WireEvent(NamedTuple):
    """A span event."""

    name: str
    time_ns: int
    attributes: Attributes


class WireSpan(NamedTuple):
    """A span. `status` is 0 unset, 1 ok, 2 error; `kind` as in OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    status: int
    status_message: str
    attributes: Attributes
    events: list[WireEvent]
    kind: int = 0
    trace_state: str = ""


class WireLog(NamedTuple):
    """A log record."""

    trace_id: str
    span_id: str
    time_ns: int
    observed_ns: int
    event_name: str
    body: Any
    attributes: Attributes


class SpanGroup(NamedTuple):
    """Spans of one instrumentation scope of one resource."""

    resource: Attributes
    scope: str
    scope_version: str
    spans: Iterator[WireSpan]


class LogGroup(NamedTuple):
    """Log records of one instrumentation scope of one resource."""

    resource: Attributes
    scope: str
    scope_version: str
    logs: Iterator[WireLog]


def blob(data: bytes) -> str:
    """Return base64 of a few bytes, and only the size of many: binary payloads are not evidence of behaviour."""
    return b64encode(data).decode() if len(data) <= KEPT_BYTES else f"<{len(data)} bytes>"
