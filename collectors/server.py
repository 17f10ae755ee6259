"""The OTLP/HTTP door: a plain ASGI application that answers as the OTLP specification asks.

Any base path may stand in front of `/v1/traces`, `/v1/logs` and `/v1/metrics`, since clients append those to whatever base they
were given. Answers use the encoding of the request. What a client may try again is 503 and nothing else; 400, 413 and 415
say in one line what is wrong with the request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collectors.bodies import TooLarge, Unsupported, unpacked
from collectors.decode import BadBody, Media, Outcome
from collectors.intake import Intake, Signal
from monitor.errors import RetryLater

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
MEDIA: Final[dict[str, Media]] = {PROTOBUF: "protobuf", JSON: "json"}
RETRY_AFTER_S: Final = (1, 3)
"""Longer than a client waits for one export (10 s by default) would lose the batch."""

BODY_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    media: str = JSON
    retry_after: int | None = None

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the headers."""
        yield b"content-type", self.media.encode()
        yield b"content-length", str(len(self.body)).encode()
        if self.retry_after is not None:
            yield b"retry-after", str(self.retry_after).encode()


class Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after


@dataclass(frozen=True)
class Door:
    """The ASGI application over an intake. `max_body` bounds a body after decompression, in bytes."""

    intake: Intake
    max_body: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers())})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"].rstrip("/"), scope["method"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if method == "GET":
                return self._look(path)
            signal = _signal(path, method)
            encoding = _encoding(media)
            body = await self._body(headers, receive)
            if signal == "metrics":
                return _success(signal, media, Outcome(0, 0, ""))
            return _success(signal, media, await self._taken(signal, encoding, body))
        except Refused as refused:
            if refused.status in {400, 413, 415} and not isinstance(refused, _Counted):
                self.intake.note_refusal(f"{refused.status}: {refused.reason}")
            return _refusal(refused, media)

    def _look(self, path: str) -> Answer:
        if path == "/metrics":
            return Answer(200, self._metrics().encode(), "text/plain; version=0.0.4")
        if path in {"", "/healthz"}:
            return Answer(200, b'{"ok":true,"service":"plumbline collector"}')
        raise Refused(405 if path.endswith(("/v1/traces", "/v1/logs", "/v1/metrics")) else 404, "use POST /v1/traces")

    def _metrics(self) -> str:
        names = ("accepted", "rejected", "refused", "turned_away", "groups")
        lines = [f"plumbline_collector_{name}_total {self.intake.counters[name]}" for name in names]
        failed = self.intake.redactor.failed if self.intake.redactor else 0
        return "\n".join([*lines, f"plumbline_collector_redaction_failed_total {failed}", ""])

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        try:
            raw = await asyncio.wait_for(_read(receive, self.max_body), BODY_TIMEOUT_S)
            return unpacked(raw, headers.get("content-encoding", "identity"), self.max_body)
        except TooLarge:
            raise Refused(413, f"the body is larger than {self.max_body} bytes (send smaller batches)") from None
        except Unsupported as error:
            raise Refused(415, str(error)) from None
        except (BadBody, ValueError) as error:
            raise Refused(400, str(error)) from None
        except TimeoutError:
            raise Refused(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s") from None

    async def _taken(self, signal: Signal, media: Media, body: bytes) -> Outcome:
        try:
            return await asyncio.wrap_future(self.intake.submit(signal, media, body))
        except RetryLater as error:
            raise Refused(503, str(error), random.randint(*RETRY_AFTER_S)) from None  # noqa: S311 - jitter, not a secret
        except BadBody as error:
            # The intake has counted it; the ledger must not hear of it twice.
            raise _Counted(400, str(error)) from None


class _Counted(Refused):
    """A refusal that is in the ledger already."""


def _signal(path: str, method: str) -> Literal["traces", "logs", "metrics"]:
    signals: tuple[Literal["traces", "logs", "metrics"], ...] = ("traces", "logs", "metrics")
    for signal in signals:
        if path.endswith(f"/v1/{signal}"):
            if method != "POST":
                raise Refused(405, f"{method} is not supported here (use POST)")
            return signal
    raise Refused(404, f"nothing is served at {path or '/'} (POST to /v1/traces, /v1/logs or /v1/metrics)")


def _encoding(media: str) -> Media:
    if media not in MEDIA:
        raise Refused(415, f"content type {media or 'missing'} is not supported (send {PROTOBUF} or {JSON})")
    return MEDIA[media]


async def _read(receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadBody("the client went away before the body was complete")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(parts)


RESPONSES: Final = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


def _success(signal: str, media: str, outcome: Outcome) -> Answer:
    kind, field = RESPONSES[signal]
    partial = {field: outcome.rejected, "error_message": outcome.message} if outcome.rejected else None
    if media == JSON:
        camel = {
            "rejected" + field[9:].title().replace("_", ""): str(outcome.rejected),
            "errorMessage": outcome.message,
        }
        return Answer(200, msgspec.json.encode({"partialSuccess": camel} if partial else {}))
    return Answer(200, kind(partial_success=partial).SerializeToString(), PROTOBUF)


def _refusal(refused: Refused, media: str) -> Answer:
    code = {400: 3, 413: 8, 415: 3, 503: 14}.get(refused.status, 2)  # google.rpc.Code
    if media == PROTOBUF:
        body = Status(code=code, message=refused.reason).SerializeToString()
        return Answer(refused.status, body, PROTOBUF, refused.retry_after)
    return Answer(
        refused.status, msgspec.json.encode({"code": code, "message": refused.reason}), JSON, refused.retry_after
    )
