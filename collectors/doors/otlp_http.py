"""The HTTP door: a plain ASGI application that answers as the OTLP specification asks.

Any base path may stand in front of what `collectors.doors.routes` lists, since clients append `/v1/traces` to whatever base they were
given. Answers use the encoding of the request. What a client may try again is 503 and nothing else; 400, 401, 403, 413 and
415 say in one line what is wrong with the request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from collectors.answers import JSON, PROTOBUF, RETRY_AFTER_S, HttpAnswer, Refused, refusal, told
from collectors.decode import BadBody, Media, Outcome
from collectors.doors import exposition as counted
from collectors.doors.bodies import TooLarge, Unsupported, unpacked
from collectors.doors.cors import Cors
from collectors.doors.keys import KeyCheck, NotAdmitted
from collectors.doors.routes import LOOKS, MEDIA, OPEN_LOOKS, Route, route_of
from collectors.inflight import Held
from collectors.intake import Intake
from collectors.scores import langfuse
from monitor.errors import RetryLater

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ENCODINGS: Final[dict[str, Media]] = {PROTOBUF: "protobuf", JSON: "json"}
BODY_TIMEOUT_S: Final = 30.0
BLOCK: Final = 1 << 16
"""An arriving body is kept in pieces of at least so many bytes."""

LARGE: Final = 1 << 18
"""Compressed bodies from this size on, in bytes, are unpacked in a thread: on the loop they would keep others waiting."""

IN_LEDGER: Final = frozenset({400, 401, 403, 413, 415})
"""Refusals that cost the client its data: it does not come back with it."""


class Gone(Exception):
    """The client hung up while it was sending."""


@dataclass(frozen=True)
class Request:
    """What is known of a request before its body is read."""

    method: str
    path: str  # without a trailing slash
    headers: dict[str, str]

    @property
    def media(self) -> str:
        """The content type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Door:
    """The ASGI application over an intake. `max_body` bounds a body after decompression, in bytes.

    What a body will be once it is unpacked nobody knows before. One thread unpacks the large ones, and the loop the others:
    so no more than two bodies at a time are larger than what they hold of the intake's room.
    """

    intake: Intake
    max_body: int
    gate: KeyCheck
    cors: Cors
    unpacker: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1, "unpack"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"].rstrip("/"), headers)
        answer = await self._answer(request, receive)
        listed = [*answer.headers(), *self.cors.headers(headers.get("origin"))]
        await send({"type": "http.response.start", "status": answer.status, "headers": listed})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, request: Request, receive: Receive) -> HttpAnswer:
        source = "http"
        try:
            if request.method == "GET" and request.path in OPEN_LOOKS:
                return self._look(request.path)
            if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
                return self.cors.preflight(request.headers)
            source = self._admitted(request) or source
            if request.method == "GET" and request.path in LOOKS:
                return told(LOOKS[request.path])
            if MEDIA in request.path and request.method in {"POST", "PATCH"}:
                return await self._media(request, receive)
            route = route_of(request.path, request.method)
            media = _encoding(request.media, route)
            with self.intake.room.hold() as held:
                body = await self._body(request, receive, held)
                answer = self._submitted(route, media, body, source, held)
            return route.reply(request.media, await self._settled(answer))
        except Refused as refused:
            if refused.status in IN_LEDGER and request.method == "POST" and not refused.counted:
                self.intake.note_refusal(f"{refused.status}: {refused.reason}", source)
            return refusal(refused, request.media)

    def _look(self, path: str) -> HttpAnswer:
        if path == "/metrics":
            return HttpAnswer(200, counted.exposition(self.intake).encode(), "text/plain; version=0.0.4")
        return told(LOOKS.get(path, {"ok": True, "service": "plumbline collector"}))

    def _admitted(self, request: Request) -> str | None:
        try:
            return self.gate.admit(request.headers)
        except NotAdmitted as error:
            self.intake.counters["unauthorized"] += 1
            raise Refused(401 if error.missing else 403, str(error)) from None

    async def _media(self, request: Request, receive: Receive) -> HttpAnswer:
        with self.intake.room.hold() as held:
            body = await self._body(request, receive, held)
        if request.method == "PATCH":
            return HttpAnswer(204, b"")
        try:
            return langfuse.media_reply(body)
        except BadBody as error:
            raise Refused(400, str(error)) from None

    async def _body(self, request: Request, receive: Receive, held: Held) -> bytes:
        try:
            self._announced(request, held)
            async with asyncio.timeout(BODY_TIMEOUT_S):  # not wait_for: it keeps what was refused until the next gc
                raw = await _read(receive, self.max_body, held)
            body = await self._unpacked(raw, request.headers.get("content-encoding", "identity"))
            held.resize(len(body))
        except RetryLater as error:
            raise _come_back(error) from None
        except TooLarge:
            raise Refused(413, f"the body is larger than {self.max_body} bytes (send smaller batches)") from None
        except Unsupported as error:
            raise Refused(415, str(error)) from None
        except (BadBody, ValueError) as error:
            raise Refused(400, str(error)) from None
        except Gone:  # nobody hears this; a client that was cut off comes back with its data
            raise Refused(408, "the client went away before the body was complete") from None
        except TimeoutError:
            raise Refused(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s") from None
        return body

    def _announced(self, request: Request, held: Held) -> None:
        """Say no at once to a body that says itself that it will not fit. Raises `TooLarge` and `RetryLater`."""
        length = request.headers.get("content-length", "")
        if length.isdecimal():
            if int(length) > self.max_body:
                raise TooLarge
            held.expect(int(length))

    async def _unpacked(self, raw: bytes, encoding: str) -> bytes:
        if len(raw) < LARGE or encoding == "identity":
            return unpacked(raw, encoding, self.max_body)
        return await asyncio.get_running_loop().run_in_executor(self.unpacker, unpacked, raw, encoding, self.max_body)

    def _submitted(self, route: Route, media: Media, body: bytes, source: str, held: Held) -> Future[Outcome]:
        try:
            return self.intake.submit(route.signal, media, body, source, held)
        except RetryLater as error:
            raise _come_back(error) from None

    async def _settled(self, answer: Future[Outcome]) -> Outcome:
        try:
            return await asyncio.wrap_future(answer)
        except RetryLater as error:
            raise _come_back(error) from None
        except BadBody as error:
            raise Refused(400, str(error), counted=True) from None


def _come_back(error: RetryLater) -> Refused:
    return Refused(503, str(error), random.randint(*RETRY_AFTER_S))  # noqa: S311 - jitter, not a secret


def _encoding(media: str, route: Route) -> Media:
    known = [JSON] if route.only_json else list(ENCODINGS)
    if media not in known:
        raise Refused(415, f"content type {media[:60] or 'missing'} is not supported (send {' or '.join(known)})")
    return ENCODINGS[media]


async def _read(receive: Receive, limit: int, held: Held) -> bytes:
    """Collect in blocks of one size: bodies that grow as a whole, side by side, tear the heap to twice what they hold."""
    blocks, size = [bytearray()], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise TooLarge
        held.resize(size)
        if len(blocks[-1]) >= BLOCK:
            blocks.append(bytearray())
        blocks[-1] += piece
        if not message.get("more_body"):
            return b"".join(blocks)
