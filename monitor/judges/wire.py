"""One POST to a judge: through the guard of outgoing calls, within a time, and never more of an answer than it may hold."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx

from monitor.errors import Undeliverable
from monitor.judges.transport import NoReply, Request, error_in, failure
from monitor.outgoing import Guard

CONNECT_S: Final = 5.0
LARGEST: Final = 256 << 10
"""Bytes of an answer that are read: a verdict is a few hundred."""


@dataclass(frozen=True)
class Wire:
    """Open connections to one judge, used again while it is open: one client a call at a time.

    A pool that many calls share looks through all its connections for each of them, which costs more than the call.
    """

    guard: Guard
    patience_s: float
    made: Callable[[], httpx.AsyncClient]
    free: list[httpx.AsyncClient] = field(default_factory=list)
    every: list[httpx.AsyncClient] = field(default_factory=list)

    async def post(self, asked: Request) -> Mapping[str, Any]:
        """Return the JSON object that came back. Raises `NoReply`."""
        try:
            async with asyncio.timeout(self.patience_s):
                status, after, body = await self._exchange(asked)
        except TimeoutError:
            raise NoReply("late", f"it does not answer within {self.patience_s:g} s") from None
        except Undeliverable as refused:
            raise NoReply("model", f"its address is refused here: {refused}") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NoReply("down", f"it cannot be reached ({type(error).__name__})") from None
        return _object(status, after, body)

    async def _exchange(self, asked: Request) -> tuple[int, float | None, bytes]:
        target = await asyncio.to_thread(self.guard.target, asked.url)
        headers = {**asked.headers, "host": target.host, "content-type": "application/json"}
        more = {"sni_hostname": target.server}
        content = json.dumps(asked.body).encode()
        async with (
            self._client() as http,
            http.stream("POST", target.url, content=content, headers=headers, extensions=more) as answer,
        ):
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise NoReply("form", f"its answer is larger than {LARGEST >> 10} KB")
            return answer.status_code, _seconds(answer.headers.get("retry-after")), bytes(body)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one call; after a call that was cut off its connection is made anew."""
        if not self.free:
            self.every.append(self.made())
            self.free.append(self.every[-1])
        http = self.free.pop()
        try:
            yield http
        finally:
            self.free.append(http)

    async def close(self) -> None:
        """Close every connection."""
        for http in self.every:
            await http.aclose()


def _object(status: int, after: float | None, body: bytes) -> Mapping[str, Any]:
    if not 200 <= status < 300:
        raise failure(status, body[:2000].decode("utf-8", "replace"), after)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise NoReply("form", "its answers are not in the agreed form (no JSON)") from None
    if not isinstance(told, dict):
        raise NoReply("form", "its answers are not in the agreed form (no object)")
    wrong = error_in(told, status)
    if wrong is not None:
        raise wrong
    return told


def _seconds(header: str | None) -> float | None:
    text = (header or "").strip()
    return min(float(text[:6]), 3600.0) if text.isascii() and text.isdigit() else None


@asynccontextmanager
async def wired(guard: Guard, patience_s: float) -> AsyncIterator[Wire]:
    """A wire for as long as the block: no proxy of the environment, no redirect."""
    timeout = httpx.Timeout(patience_s, connect=min(CONNECT_S, patience_s))
    verify, proxy = _trust(guard.ca), guard.proxy
    wire = Wire(
        guard,
        patience_s,
        lambda: httpx.AsyncClient(timeout=timeout, verify=verify, proxy=proxy, trust_env=False),
    )
    try:
        yield wire
    finally:
        await wire.close()


@cache
def _trust(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca) if ca else httpx.create_ssl_context(trust_env=False)
