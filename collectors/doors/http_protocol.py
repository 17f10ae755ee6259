"""uvicorn's HTTP/1.1, with a word for those who speak something else on its port, and bounds where uvicorn has none.

Bodies are bounded where they are read. What comes before them is kept by uvicorn without a limit: the head of a request, and
requests that are sent before the answer to the one in front of them.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collectors.doors.wrong_protocol import Hints, is_http2, is_tls, plain_refusal

MAX_HEAD: Final = 1 << 16
"""The request line and the headers of one request, in bytes; a little more may pass, since it is counted by what arrives."""

MAX_AHEAD: Final = 16
"""Requests that may wait on one connection for the answer to the first; clients of OTLP send one after the other."""

HEAD_TIMEOUT_S: Final = 30.0
"""From the connection, or the first byte of a later request, to the end of its head."""

HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class Bounded(HttpToolsProtocol):
    """Ends what has no end."""

    in_head = True
    head = 0  # bytes of the head that is arriving
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A first head is expected."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_TIMEOUT_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what comes, and count it while it is head."""
        if self.transport.is_closing():
            return
        if self.in_head:
            self.head += len(data)
        super().data_received(data)
        if self.in_head and self.head > MAX_HEAD and not self.transport.is_closing():
            self.logger.warning("a request was refused: its head is larger than %d bytes", MAX_HEAD)
            self.transport.write(HEAD_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins; what came in one piece with the end of the request before it is not counted."""
        self.in_head = True
        if self._late is None:
            self._late = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is over."""
        self.in_head, self.head = False, 0
        self._in_time()
        super().on_headers_complete()
        if len(self.pipeline) > MAX_AHEAD and not self.transport.is_closing():
            self.logger.warning("a connection was cut: more than %d requests before an answer", MAX_AHEAD)
            self.transport.abort()

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def watching(hints: Hints) -> type[asyncio.Protocol]:
    """Return the protocol class that looks at the first bytes of every connection, for uvicorn to make instances of."""

    class Watching(Bounded):
        """Tells clients that speak gRPC or TLS that they are at the wrong port."""

        seen = False

        def data_received(self, data: bytes) -> None:
            if self.seen:
                super().data_received(data)
                return
            self.seen = True
            if len(data) >= 3 and is_http2(data):
                self.transport.write(plain_refusal(hints.grpc_at_http()))
                self.transport.close()
            elif is_tls(data):
                hints.tls(hints.http)
                self.transport.close()
            else:
                super().data_received(data)

    return Watching
