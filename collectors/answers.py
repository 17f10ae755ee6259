"""What the doors say: success, partial success and refusal, in the encodings that OTLP prescribes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from google.protobuf.any_pb2 import Any as Detail
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collectors.decode import Outcome

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

RETRY_AFTER_S: Final = (1, 3)
"""Longer than a client waits for one export (10 s by default) would lose the batch."""

RESPONSES: Final = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}

CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 503: 14}
"""HTTP status -> google.rpc.Code."""


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer."""

    status: int
    body: bytes
    media: str = JSON
    retry_after: int | None = None
    extra: tuple[tuple[bytes, bytes], ...] = ()

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the headers."""
        if self.status != 204:
            yield b"content-type", self.media.encode()
            yield b"content-length", str(len(self.body)).encode()
        if self.retry_after is not None:
            yield b"retry-after", str(self.retry_after).encode()
        if self.status == 408:  # the rest of the body may come for ever
            yield b"connection", b"close"
        if self.status == 401:
            yield b"www-authenticate", b'Bearer realm="plumbline", Basic realm="plumbline"'
        yield from self.extra


class Refused(Exception):
    """The request ends here, with this answer. `counted` says that the ledger has heard of it already."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None, *, counted: bool = False) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after, self.counted = status, reason, retry_after, counted


def told(value: Any, status: int = 200) -> HttpAnswer:
    """Return `value` as a JSON answer."""
    return HttpAnswer(status, msgspec.json.encode(value))


def otlp_success(signal: str, media: str, outcome: Outcome) -> HttpAnswer:
    """Return 200 in the encoding of the request."""
    if media != JSON:
        return HttpAnswer(200, otlp_message(signal, outcome), PROTOBUF)
    _, _, field = RESPONSES[signal]
    partial = {field: str(outcome.rejected), "errorMessage": outcome.message}
    return told({"partialSuccess": partial} if outcome.rejected else {})


def otlp_message(signal: str, outcome: Outcome) -> bytes:
    """Return the serialised export response: empty, or a partial success."""
    kind, field, _ = RESPONSES[signal]
    partial = {field: outcome.rejected, "error_message": outcome.message} if outcome.rejected else None
    body: bytes = kind(partial_success=partial).SerializeToString()
    return body


def refusal(refused: Refused, media: str) -> HttpAnswer:
    """Return the answer to a request that ends here: a google.rpc.Status in the encoding of the request."""
    code = CODES.get(refused.status, 2)
    if media == PROTOBUF:
        body = Status(code=code, message=refused.reason).SerializeToString()
        return HttpAnswer(refused.status, body, PROTOBUF, refused.retry_after)
    body = msgspec.json.encode({"code": code, "message": refused.reason})
    return HttpAnswer(refused.status, body, JSON, refused.retry_after)


def retry_trailers(message: str, after_s: int) -> tuple[tuple[str, bytes], ...]:
    """Return when to come back, twice: as the standard says, and as opentelemetry-python reads it."""
    info = RetryInfo(retry_delay=Duration(seconds=after_s))
    detail = Detail()
    detail.Pack(info)
    status = Status(code=CODES[503], message=message, details=[detail])
    return (
        ("google.rpc.retryinfo-bin", info.SerializeToString()),
        ("grpc-status-details-bin", status.SerializeToString()),
    )
