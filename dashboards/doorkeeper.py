"""Who may look at the dashboard: pages of its own origin, under a name that is this machine's or `dashboard.public_url`.

Streamlit answers any GET whatever its Host, and takes every page of localhost for a friend. A web page that points its
own name at 127.0.0.1 (DNS rebinding), a frame and another local site are therefore refused here, before Streamlit.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
FOREIGN_ORIGIN: Final = 1008
"""The WebSocket code of a policy that was not met (RFC 6455)."""

_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class Names:
    """Under which names the dashboard is served: the host it listens on, and the address people open behind a proxy."""

    bound: str
    public_url: str = ""

    @property
    def public_origin(self) -> str:
        """The origin of the public address, or "" where there is none."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""

    def is_own_host(self, host: str) -> bool:
        """Whether `host` (a Host header) names this dashboard.

        A name can be rebound by whoever owns it, a literal address cannot: beyond loopback any literal will do.
        """
        name = _name_of(host)
        if name in LOOPBACK or name == self.bound.lower() or host.lower() == urlsplit(self.public_url).netloc.lower():
            return bool(name)
        return self.bound not in LOOPBACK and _is_literal(name)

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` is one of ours, asked for under `host`; another port is another site."""
        own = {f"http://{host}".lower(), self.public_origin} - {""}
        return origin.lower() in own


def _name_of(host: str) -> str:
    text = host.strip().lower()
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]


def _is_literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def policy(page: str) -> str:
    """Return the content security policy for Streamlit's own `page`, the scripts in it named by their hash.

    Nothing is made a script while the page is open, and no text of ours or of a trace becomes one.
    """
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in _INLINE.findall(page))
    return (
        f"default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; "
        "connect-src 'self'; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def headers() -> dict[str, str]:
    """Return what every answer carries."""
    page = Path(streamlit.__file__).with_name("static") / "index.html"
    return {
        "content-security-policy": policy(page.read_text(encoding="utf-8")),
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }


class Doorkeeper:
    """ASGI middleware: 421 for a foreign Host, 403 for a foreign Origin (a WebSocket must name one), `carried` on the rest."""

    def __init__(self, app: ASGIApp, names: Names, carried: dict[str, str]) -> None:
        self.app, self.names, self.carried = app, names, carried

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(Headers(scope=scope), origin_needed=False)
            await (refusal or self.app)(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket" and self._refusal(Headers(scope=scope), origin_needed=True):
            await send({"type": "websocket.close", "code": FOREIGN_ORIGIN})
        else:
            await self.app(scope, receive, send)

    def _refusal(self, given: Headers, *, origin_needed: bool) -> PlainTextResponse | None:
        host, origin = given.get("host", ""), given.get("origin")
        if not self.names.is_own_host(host):
            return PlainTextResponse(
                "This Host is not served here: open 127.0.0.1, or set dashboard.public_url.\n", 421
            )
        if origin is None and not origin_needed:
            return None
        if origin is None or not self.names.is_own_origin(origin, host):
            return PlainTextResponse("This is asked for by a page of another site.\n", 403)
        return None

    def _with_headers(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.carried)
            await send(message)

        return sent
