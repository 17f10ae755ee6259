"""The front of the gRPC port: looks at the first bytes of a connection, then hands it on to grpcio or says what is wrong.

grpcio binds its own port and drops whoever does not speak HTTP/2 without a word. So our own socket listens, in the same
way as that of every other door, and grpcio serves a private Unix socket behind it. What passes is copied, not read; it only
counts what messages bring (`arriving`), and looks in answers for the words with which grpcio refuses a message that is too
large: of neither our handlers hear anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from collectors.doors.grpc_frames import Arriving
from collectors.doors.wrong_protocol import Hints, is_http1, is_http2, is_tls, plain_refusal
from monitor.errors import RetryLater

SILENCE_S: Final = 10.0
"""A connection that says nothing for so long is closed."""

LINGER_S: Final = 2.0
"""How long a refused client may go on sending: closed at once, it would see a reset instead of the answer."""


TOO_LARGE: Final = b"Received message larger than max"
"""grpcio's words; HPACK as grpcio writes it leaves them as they are."""


@dataclass
class Visitor(asyncio.Protocol):
    """One connection to the port."""

    backend: str  # path of grpcio's socket
    hints: Hints
    refused: Callable[[str], None]  # told why, when grpcio refuses a message by itself
    arriving: Arriving

    def __post_init__(self) -> None:
        """Nothing has come yet."""
        self._start = b""
        self._opening: asyncio.Task[None] | None = None
        self._refused = False
        self._inner: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes."""
        self.transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(SILENCE_S, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Pass on what comes, once it is known where to."""
        if self._inner is not None:
            self._pass_on(self._inner, data)
        elif not self._refused:
            self._start += data
            if self._opening is None:
                self._decide()

    def _pass_on(self, inner: asyncio.Transport, data: bytes) -> None:
        """Pass on `data`, or end the connection: to its client that is UNAVAILABLE, after which it comes back."""
        try:
            self.arriving.came(data)
        except RetryLater:
            self.transport.abort()
            inner.abort()
        else:
            inner.write(data)

    def _decide(self) -> None:
        """Let HTTP/2 in; a few bytes may be too few to tell, then wait for more."""
        if is_http2(self._start):
            if len(self._start) >= 3:
                self._timer.cancel()
                self.transport.pause_reading()
                self._opening = self._loop.create_task(self._open())
        elif is_http1(self._start) or len(self._start) >= 8 or is_tls(self._start):
            self._turn_away()

    async def _open(self) -> None:
        try:
            inner, _ = await self._loop.create_unix_connection(
                lambda: Inside(self.transport, self.refused, self.arriving), self.backend
            )
        except OSError:
            self.transport.abort()
            return
        if self.transport.is_closing():
            inner.abort()
            return
        self._inner = inner
        self._pass_on(inner, self._start)
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _turn_away(self) -> None:
        self._refused = True
        self._timer.cancel()
        if is_http1(self._start):
            self.transport.write(plain_refusal(self.hints.http1_at_grpc()))
            self._loop.call_later(LINGER_S, self.transport.close)
            return
        if is_tls(self._start):
            self.hints.tls(self.hints.grpc)
        self.transport.close()

    def pause_writing(self) -> None:
        """The client reads slowly: let grpcio wait."""
        if self._inner is not None:
            self._inner.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._inner is not None:
            self._inner.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """Let go of the other side."""
        self._timer.cancel()
        self.arriving.close()
        if self._inner is not None:
            self._inner.close()


@dataclass
class Inside(asyncio.Protocol):
    """The connection to grpcio on behalf of a visitor."""

    visitor: asyncio.Transport
    refused: Callable[[str], None]
    arriving: Arriving

    def data_received(self, data: bytes) -> None:
        """Pass on what grpcio says."""
        self.arriving.went(data)
        for _ in range(data.count(TOO_LARGE)):
            self.refused("RESOURCE_EXHAUSTED: the message is larger than the limit (send smaller batches)")
        self.visitor.write(data)

    def pause_writing(self) -> None:
        """Let the client wait while grpcio reads slowly."""
        self.visitor.pause_reading()

    def resume_writing(self) -> None:
        """Let the client go on."""
        if not self.visitor.is_closing():
            self.visitor.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """Let go of the client."""
        self.visitor.close()
