"""Where people sign in: nothing of the dashboard is served to who has no session, and the agent says who has one.

A session is an HttpOnly cookie that scripts cannot read; what it stands for lies with the agent, which ends it. A request
that changes something must name its origin, and the doorkeeper in front has refused every origin but our own.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.client import Api, Refused, SignedOut, Trouble
from dashboards.porch_pages import signing_in, signing_out
from dashboards.process import Arguments

OPEN: Final = ("/_stcore/health",)
SIGN_IN: Final = "/sign-in"
PROVIDER: Final = "/sign-in/provider"
CALLBACK: Final = "/sign-in/callback"
SIGN_OUT: Final = "/sign-out"
LARGEST: Final = 8192
"""Bytes of a form."""

AT_PROVIDER_S: Final = 600
NOT_SIGNED_IN: Final = 1008
SEE_OTHER: Final = 303


class Porch:
    """ASGI middleware: `/sign-in`, `/sign-out`, and everything else for sessions that stand."""

    def __init__(self, app: ASGIApp, given: Arguments) -> None:
        self.app, self.given = app, given
        self.agent = Api(given.api, given.token_file)
        self.secure = given.public_url.startswith("https://")
        self.pages: dict[tuple[str, str], Callable[[Request], Awaitable[Response | None]]] = {
            ("GET", SIGN_IN): self._form,
            ("POST", SIGN_IN): self._by_password,
            ("GET", PROVIDER): self._to_provider,
            ("GET", CALLBACK): self._from_provider,
            ("GET", SIGN_OUT): self._leaving,
            ("POST", SIGN_OUT): self._leave,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = await self._answer(Request(scope, receive))
            await (answer or self.app)(scope, receive, send)
        elif scope["type"] == "websocket" and not await self._may_listen(scope):
            await send({"type": "websocket.close", "code": NOT_SIGNED_IN})
        else:
            await self.app(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """Return what is answered here; None for what the dashboard answers."""
        if request.url.path in OPEN:
            return None
        if request.method == "POST" and "origin" not in request.headers:
            return PlainTextResponse("Who asks for this does not say from where.\n", 403)
        page = self.pages.get((request.method, request.url.path), self._further)
        try:
            return await page(request)
        except Trouble as trouble:
            return HTMLResponse(signing_in(self.given.title, {}, str(trouble)), 503)

    async def _further(self, request: Request) -> Response | None:
        """Let in who has a session; a page is asked to sign in first, anything else is refused."""
        if await self._stands(request.cookies.get(self.given.cookie)):
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(asked)}", SEE_OTHER)
        return PlainTextResponse("Sign in first.\n", 401)

    async def _may_listen(self, scope: Scope) -> bool:
        try:
            return await self._stands(_cookie(scope, self.given.cookie))
        except Trouble:
            return False

    async def _stands(self, session: str | None) -> bool:
        if not session:
            return False
        try:
            await run_in_threadpool(_under(self.given.api, self.given.token_file, session).ask, "me")
        except SignedOut:
            return False
        return True

    async def _form(self, request: Request) -> Response:
        ways = await self._asked("signinways")
        return HTMLResponse(signing_in(self.given.title, ways, "", _own_path(request.query_params.get("next", ""))))

    async def _by_password(self, request: Request) -> Response:
        form = await _form_of(request)
        goes_to = _own_path(form.get("next", ""))
        try:
            told = await self._asked("signinbypassword", name=form.get("name", ""), password=form.get("password", ""))
        except Refused as refused:
            ways = await self._asked("signinways")
            return HTMLResponse(signing_in(self.given.title, ways, str(refused), goes_to), 403)
        return self._inside(told, goes_to)

    async def _to_provider(self, request: Request) -> Response:
        """Go to the provider from the address that it sends back to: the cookie that binds both must be of one host."""
        begun = await self._asked("beginsignin")
        home = urlsplit(begun["redirect"])
        if request.url.netloc != home.netloc and not self.given.public_url:
            return RedirectResponse(f"{home.scheme}://{home.netloc}{PROVIDER}?{request.url.query}", SEE_OTHER)
        answer = RedirectResponse(begun["url"], SEE_OTHER)
        goes_to = _own_path(request.query_params.get("next", ""))
        self._set(answer, f"{self.given.cookie}_state", f"{begun['state']}.{quote(goes_to, safe='')}", AT_PROVIDER_S)
        return answer

    async def _from_provider(self, request: Request) -> Response:
        """Finish the sign-in that this very browser began, whoever sent it here."""
        began, _, goes_to = request.cookies.get(f"{self.given.cookie}_state", "").partition(".")
        try:
            told = await self._finished(began, request.query_params)
        except Refused as refused:
            ways = await self._asked("signinways")
            answer: Response = HTMLResponse(signing_in(self.given.title, ways, str(refused)), 403)
        else:
            answer = self._inside(told, _own_path(unquote(goes_to)))
        answer.delete_cookie(f"{self.given.cookie}_state", httponly=True, samesite="lax", secure=self.secure)
        return answer

    async def _finished(self, began: str, told: Mapping[str, str]) -> dict[str, str]:
        state, code = told.get("state", ""), told.get("code", "")
        if not began or not hmac.compare_digest(began.encode(), state.encode()):
            raise Refused("this sign-in was not begun in this browser; begin again")
        if not code:
            raise Refused("the provider signed nobody in")
        return await self._asked("finishsignin", state=state, code=code)

    async def _leaving(self, _: Request) -> Response:
        return HTMLResponse(signing_out(self.given.title))

    async def _leave(self, request: Request) -> Response:
        session = request.cookies.get(self.given.cookie)
        if session and await self._stands(session):
            await run_in_threadpool(_under(self.given.api, self.given.token_file, session).ask, "signout")
        answer = RedirectResponse(SIGN_IN, SEE_OTHER)
        answer.delete_cookie(self.given.cookie, httponly=True, samesite="lax", secure=self.secure)
        return answer

    async def _asked(self, question: str, **params: str) -> dict[str, str]:
        told: dict[str, str] = await run_in_threadpool(self.agent.ask, question, **params)
        return told

    def _inside(self, told: dict[str, str], goes_to: str) -> Response:
        answer = RedirectResponse(goes_to, SEE_OTHER)
        lasts = datetime.fromisoformat(told["ends"]) - datetime.now(UTC)
        self._set(answer, self.given.cookie, told["session"], int(lasts.total_seconds()))
        return answer

    def _set(self, answer: Response, name: str, value: str, lasts_s: int) -> None:
        answer.set_cookie(name, value, max_age=lasts_s, path="/", httponly=True, samesite="lax", secure=self.secure)


@lru_cache(maxsize=500)
def _under(url: str, token_file: Path, session: str) -> Api:
    """One connection a session: making one costs more than asking."""
    return Api(url, token_file, session)


def _cookie(scope: Scope, name: str) -> str | None:
    return Request({**scope, "type": "http"}).cookies.get(name)


async def _form_of(request: Request) -> dict[str, str]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST:
            raise Trouble("this form is too large")
    fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


def _own_path(asked: str) -> str:
    """Return `asked` where it is a path of this dashboard, else the first page: a link must not lead elsewhere.

    >>> _own_path("/traces?app=shop"), _own_path("//evil.example"), _own_path("https://evil.example")
    ('/traces?app=shop', '/', '/')
    """
    own = asked.startswith("/") and asked[1:2] not in {"/", "\\"} and asked.isprintable() and "\\" not in asked
    return asked if own and not asked.startswith((SIGN_IN, SIGN_OUT)) else "/"
