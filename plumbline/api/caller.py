"""Who may talk to the api: the bearer of the token, through a host name that is this machine's own.

The second check stops DNS rebinding: a web page that points its own name at 127.0.0.1 still sends that name as `Host`.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS: Final = ("/healthz",)
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class CallerCheck:
    """ASGI middleware: 421 for a foreign `Host`, 401 without the token; `bound` is the host the api listens on."""

    app: ASGIApp
    token: str
    bound: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["path"], headers)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> JSONResponse | None:
        if not is_own_host(headers.get("host", ""), self.bound):
            return JSONResponse({"error": "this Host is not served here; use 127.0.0.1 or localhost"}, 421)
        if path not in OPEN_PATHS and not self._is_bearer(headers.get("authorization", "")):
            return JSONResponse(
                {"error": "missing or wrong token; send Authorization: Bearer with the content of the token file"},
                401,
                {"www-authenticate": "Bearer"},
            )
        return None

    def _is_bearer(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        right = secrets.compare_digest(given.strip().encode(), self.token.encode())
        return right and scheme.lower() == "bearer"


def is_own_host(header: str, bound: str) -> bool:
    """Whether `header` (a Host header) names this machine, given the host that is listened on.

    A name can be rebound by whoever owns it, a literal address cannot: beyond loopback only literals are allowed, and
    the very name a person told the api to listen on.
    """
    name = _host_part(header)
    if name in LOOPBACK or name == bound.lower():
        return bool(name)
    return bound not in LOOPBACK and _is_literal(name)


def _host_part(header: str) -> str:
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _is_literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
