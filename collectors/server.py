"""The OTLP/HTTP door: a plain ASGI application that answers as the OTLP specification asks.

Any base path may stand in front of `/v1/traces`, `/v1/logs` and `/v1/metrics`, since clients append those to whatever base they
were given. Answers use the encoding of the request. What a client may try again is 503 and nothing else; 400, 413 and 415
say in one line what is wrong with the request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from collectors.answers import JSON, PROTOBUF, RETRY_AFTER_S, Answer, Refused, otlp_success, refusal
from collectors.bodies import TooLarge, Unsupported, unpacked
from collectors.decode import BadBody, Media, Outcome
from collectors.intake import Intake, Signal
from monitor.errors import RetryLater

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MEDIA: Final[dict[str, Media]] = {PROTOBUF: "protobuf", JSON: "json"}
BODY_TIMEOUT_S: Final = 30.0


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
            return otlp_success(signal, media, await self._taken(signal, encoding, body))
        except Refused as refused:
            if refused.status in {400, 413, 415} and not refused.counted:
                self.intake.note_refusal(f"{refused.status}: {refused.reason}")
            return refusal(refused, media)

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
            raise Refused(400, str(error), counted=True) from None


def _signal(path: str, method: str) -> Signal:
    signals: tuple[Signal, ...] = ("traces", "logs", "metrics")
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
