"""Who may talk to the api: the bearer of the token or of the key of a person, through a host name that is this machine's own.

The second check stops DNS rebinding: a web page that points its own name at 127.0.0.1 still sends that name as `Host`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.errors import Forbidden, PlumblineError
from plumbline.api.call import BY, Actor, Credentials

OPEN_PATHS: Final = ("/healthz",)
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class CallerCheck:
    """ASGI middleware: 421 for a foreign `Host`, 401 without a credential; `bound` is the host the api listens on."""

    app: ASGIApp
    credentials: Credentials
    bound: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = await self._refusal(scope, Headers(scope=scope))
        await (refusal or self.app)(scope, receive, send)

    async def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        if not is_own_host(headers.get("host", ""), self.bound):
            return JSONResponse({"error": "this Host is not served here; use 127.0.0.1 or localhost"}, 421)
        if scope["path"] in OPEN_PATHS:
            return None
        try:
            actor = await self._bearer(headers.get("authorization", ""), unquote(headers.get(BY, "")))
        except PlumblineError as error:
            return JSONResponse({"error": str(error)}, 403 if isinstance(error, Forbidden) else 400)
        if actor is None:
            return JSONResponse(
                {"error": "missing or wrong token; send Authorization: Bearer with the content of the token file"},
                401,
                {"www-authenticate": "Bearer"},
            )
        scope.setdefault("state", {})["actor"] = actor
        return None

    async def _bearer(self, authorization: str, by: str) -> Actor | None:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            return None
        return await run_in_threadpool(self.credentials, given.strip(), by)


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
