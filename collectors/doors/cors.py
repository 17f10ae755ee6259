"""CORS: which web pages may send from a browser. Nobody, unless `collector.cors` names their origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from collectors.answers import HttpAnswer, Refused

METHODS: Final = b"POST, GET, PATCH, OPTIONS"
HEADERS: Final = (
    b"content-type, content-encoding, authorization, x-api-key, api_key, api-key, traceparent, tracestate, baggage, "
    b"x-langfuse-sdk-name, x-langfuse-sdk-version, x-langfuse-public-key, x-langfuse-ingestion-version"
)
MAX_AGE_S: Final = b"7200"


@dataclass(frozen=True)
class Cors:
    """Allowed origins; "*" allows every page, since keys travel in headers and never in cookies."""

    origins: tuple[str, ...] = ()

    def headers(self, origin: str | None) -> Iterator[tuple[bytes, bytes]]:
        """Yield what lets a page of `origin` read an answer; nothing for an origin that is not allowed."""
        if origin is None or not self.origins:
            return
        yield b"vary", b"origin"
        if self._allows(origin):
            yield b"access-control-allow-origin", b"*" if "*" in self.origins else origin.encode("latin-1")
            yield b"access-control-expose-headers", b"retry-after"

    def preflight(self, headers: Mapping[str, str]) -> HttpAnswer:
        """Answer a browser that asks before it sends. Raises `Refused` for an origin that is not allowed."""
        if not self._allows(headers.get("origin", "")):
            raise Refused(403, "this origin may not send from a browser (add it to collector.cors)")
        extra = [
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", HEADERS),
            (b"access-control-max-age", MAX_AGE_S),
        ]
        if headers.get("access-control-request-private-network") == "true":
            extra.append((b"access-control-allow-private-network", b"true"))
        return HttpAnswer(204, b"", extra=tuple(extra))

    def _allows(self, origin: str) -> bool:
        return bool(origin) and ("*" in self.origins or origin in self.origins)
