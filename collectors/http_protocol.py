"""uvicorn's HTTP/1.1, with a word for those who speak something else on its port."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collectors.strangers import Hints, is_http2, is_tls, plain_refusal


def watching(hints: Hints) -> type[asyncio.Protocol]:
    """Return the protocol class that looks at the first bytes of every connection, for uvicorn to make instances of."""

    class Watching(HttpToolsProtocol):
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
