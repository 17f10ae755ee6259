"""One HTTP call to a receiver, and what its answer means for another attempt.

No redirects (a receiver that moved is told so, not followed), five seconds to connect, fifteen in all, whatever the
other side does: the total is a deadline around the whole exchange, not a pause between two bytes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Final

import httpx

from alerts.channels import Means
from alerts.message import clean
from monitor.config.schema import Section
from monitor.errors import RetryLater, Undeliverable
from monitor.outgoing import LONGEST_WAIT, OPEN, Guard

CONNECT_S: Final = 5.0
TOTAL_S: Final = 15.0
_LONGEST_WAIT_S: Final = LONGEST_WAIT.total_seconds()
REFUSED_WAIT_S: Final = 900.0
"""Wrong credentials stay wrong until a person acts, but must not be hammered."""

_LATER: Final = frozenset({408, 425, 429})
_EXCERPT: Final = 300


class OverHttp(Section, frozen=True, kw_only=True):
    """What every receiver that is posted to may be allowed, in the rule file."""

    allow_http: bool = False
    allow_private: bool = False

    def guard(self, means: Means) -> Guard:
        """Return what looks at calls to this receiver."""
        return replace(means.guard, allow_http=self.allow_http, allow_private=self.allow_private)


@dataclass(frozen=True)
class HttpReply:
    """What the receiver said: status, lower-case headers, the beginning of its body as a harmless line, and as it came."""

    status: int
    headers: Mapping[str, str]
    excerpt: str
    start: bytes = b""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    total_s: float = TOTAL_S,
    guard: Guard = OPEN,
    most: int = _EXCERPT,
) -> HttpReply:
    """Return the answer to one POST, of whose body `most` bytes are read.

    Raises `RetryLater` when there is none, `Undeliverable` where `guard` refuses it.
    """
    return _called("POST", url, body, headers, _Limits(total_s, most), guard)


def get(url: str, headers: Mapping[str, str], guard: Guard, most: int) -> HttpReply:
    """Return the answer to one GET; as `post`."""
    return _called("GET", url, b"", headers, _Limits(TOTAL_S, most), guard)


@dataclass(frozen=True)
class _Limits:
    total_s: float
    most: int


def _called(method: str, url: str, body: bytes, headers: Mapping[str, str], limits: _Limits, guard: Guard) -> HttpReply:
    total_s = limits.total_s
    try:
        return asyncio.run(_call(method, url, body, headers, limits, guard))
    except TimeoutError:
        raise RetryLater(f"no answer within {total_s:g} s") from None
    except (httpx.HTTPError, OSError) as error:
        raise RetryLater(clean(f"{type(error).__name__}: {error}")) from None
    except httpx.InvalidURL as error:
        raise Undeliverable(clean(f"not an address: {error}")) from None


async def _call(
    method: str, url: str, body: bytes, headers: Mapping[str, str], limits: _Limits, guard: Guard
) -> HttpReply:
    total_s = limits.total_s
    timeout, trust = httpx.Timeout(total_s, connect=min(CONNECT_S, total_s)), trusted(guard.ca)
    async with asyncio.timeout(total_s):
        target = await asyncio.to_thread(guard.target, url)
        names, server = {**headers, "host": target.host}, {"sni_hostname": target.server}
        prepared = _Prepared(method, timeout, trust, guard.proxy, limits.most)
        return await _exchange(prepared, target.url, body, names, server)


@dataclass(frozen=True)
class _Prepared:
    method: str
    timeout: httpx.Timeout
    trust: ssl.SSLContext
    proxy: str | None
    most: int

    def client(self) -> httpx.AsyncClient:
        """No proxy of the environment, no redirect."""
        return httpx.AsyncClient(
            timeout=self.timeout, verify=self.trust, proxy=self.proxy, trust_env=False, follow_redirects=False
        )


async def _exchange(
    prepared: _Prepared, url: str, body: bytes, headers: Mapping[str, str], server: Mapping[str, str]
) -> HttpReply:
    async with (
        prepared.client() as client,
        client.stream(prepared.method, url, content=body, headers=dict(headers), extensions=dict(server)) as response,
    ):
        start = b""
        async for chunk in response.aiter_raw():
            start += chunk
            if len(start) >= prepared.most:
                break
        excerpt = clean(start[:_EXCERPT].decode("utf-8", "replace"), _EXCERPT)
        return HttpReply(response.status_code, response.headers, excerpt, start[: prepared.most])


@cache
def trusted(ca: str | None) -> ssl.SSLContext:
    """Return what certificates are held against: the roots of `ca`, or those that ship."""
    return ssl.create_default_context(cafile=ca) if ca else httpx.create_ssl_context(trust_env=False)


def accept(answer: HttpReply, now: datetime, only: int | None = None) -> None:
    """Return when the receiver has the message; raise `RetryLater` or `Undeliverable` when it has not.

    `only` is the one status by which it says so; without it, every 2xx is a yes.
    """
    status, said = answer.status, f"HTTP {answer.status} {answer.excerpt}".strip()
    if 200 <= status < 300:
        if only in {None, status}:
            return
        raise RetryLater(f"{said}: it answers {only} to what it takes")
    if status in _LATER or status >= 500:
        raise RetryLater(said, _wish(answer.headers.get("retry-after"), now))
    if status in {401, 403}:
        raise RetryLater(f"{said}: check its secret or address", REFUSED_WAIT_S)
    if 300 <= status < 400:
        raise Undeliverable(f"HTTP {status}: redirects are not followed; write the address it moved to")
    raise Undeliverable(said)


def _wish(header: str | None, now: datetime) -> float | None:
    """Return a Retry-After header in seconds from now, at most an hour, or None when it says nothing usable."""
    if not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)
