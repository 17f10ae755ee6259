"""Clients that knock at the wrong door: recognised by their first bytes, told where to go, and logged now and then.

A gRPC port that receives HTTP/1.1, a plain-text port that receives TLS: to the server it looks like garbage, to the client
like a broken connection, and people search for hours.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_log = logging.getLogger("plumbline.collector")

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""How every HTTP/2 connection begins, and with it every gRPC connection."""

METHODS: Final = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ")
TLS: Final = b"\x16\x03"
HINT_EVERY_S: Final = 60.0


def is_http2(start: bytes) -> bool:
    """Whether a connection that begins with `start` speaks HTTP/2; false for an empty start."""
    return bool(start) and PREFACE.startswith(start[: len(PREFACE)])


def is_http1(start: bytes) -> bool:
    """Whether a connection that begins with `start` speaks HTTP/1."""
    return start.startswith(METHODS)


def is_tls(start: bytes) -> bool:
    """Whether a connection begins with a TLS hello."""
    return start.startswith(TLS)


@dataclass
class Hints:
    """Where both doors are, in words, for those who took the wrong one. Every kind is logged once a minute at most."""

    http: str
    grpc: str
    counters: Counter[str]
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, float] = field(default_factory=dict)

    def http1_at_grpc(self) -> str:
        """Note an HTTP/1.1 client at the gRPC port, and return what to tell it."""
        return self._told(
            "misdirected_http", f"this is the gRPC port ({self.grpc}); OTLP/HTTP is at {self.http}", "HTTP/1.1"
        )

    def grpc_at_http(self) -> str:
        """Note a gRPC client at the HTTP port, and return what to tell it."""
        return self._told(
            "misdirected_grpc", f"this is the OTLP/HTTP port ({self.http}); OTLP/gRPC is at {self.grpc}", "gRPC"
        )

    def tls(self, at: str) -> str:
        """Note a TLS client at the plain-text port `at`, and return what to tell it."""
        advice = "this port is plain text: use an http:// endpoint, and OTEL_EXPORTER_OTLP_INSECURE=true for gRPC"
        return self._told("misdirected_tls", f"{advice} ({at})", "TLS")

    def _told(self, name: str, hint: str, what: str) -> str:
        self.counters[name] += 1
        now = self.clock()
        if now - self._last.get(name, -HINT_EVERY_S) >= HINT_EVERY_S:
            self._last[name] = now
            _log.warning("a client speaks %s here: %s", what, hint)
        return hint


def plain_refusal(reason: str) -> bytes:
    """Return a whole HTTP/1.1 answer that says `reason` and ends the connection.

    For gRPC clients too: they report an HTTP/1 server and back off, whereas a polite GOAWAY lets grpcio reconnect at once,
    without a pause and without end (tried).
    """
    body = f"{reason}\n".encode()
    head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
