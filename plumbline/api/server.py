"""The agent as an HTTP service on loopback: routes, one line of JSON for every error, and the socket it listens on."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

import msgspec
import pyarrow as pa
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.config.durations import parse_duration
from monitor.errors import BadSql, PlumblineError, UsageError
from monitor.places import Address, address_of
from plumbline.api.agent_protocol import AgentCore
from plumbline.api.gate import Gate
from plumbline.api.jobs import Busy, Jobs
from plumbline.api.metrics import CONTENT_TYPE, prometheus
from plumbline.api.rows import plain, rows_of

T = TypeVar("T")
ARROW: Final = "application/vnd.apache.arrow.stream"
MAX_BODY: Final = 1_048_576
"""Bytes of a request; the largest is a query a person wrote."""

REPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
"""A report holds text from traces: it may draw itself, but reaches no network, no cookie and no other page."""


class SqlRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/sql."""

    sql: str
    max_rows: int = 10_000


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Body of POST /v1/replay."""

    start: datetime
    end: datetime
    step: str = "1h"
    notify: bool = False


class EraseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/erase; the id travels in the body, so that no log of addresses holds it."""

    kind: Literal["user", "session", "trace", "app"]
    id: str


class Routes:
    """The handlers over one `AgentCore`; every call that blocks runs in a thread."""

    def __init__(self, core: AgentCore) -> None:
        self.core = core
        self.jobs = Jobs()

    async def healthz(self, _: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(self, _: Request) -> Response:
        ready = (await run_in_threadpool(self.core.status)).get("ready", True)
        return JSONResponse({"ready": bool(ready)}, 200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        return PlainTextResponse(prometheus(await run_in_threadpool(self.core.status)), media_type=CONTENT_TYPE)

    async def status(self, _: Request) -> Response:
        return _json(await run_in_threadpool(self.core.status))

    async def sql(self, request: Request) -> Response:
        ask = await _body(request, SqlRequest)
        if ask.max_rows < 1:
            raise UsageError("max_rows must be at least 1")
        table = await run_in_threadpool(self.core.sql, ask.sql, ask.max_rows + 1)  # one more tells whether it was all
        return _table(request, table.slice(0, ask.max_rows), truncated=table.num_rows > ask.max_rows)

    async def read(self, request: Request) -> Response:
        params = dict(request.query_params)
        return _table(request, await run_in_threadpool(self.core.page, request.path_params["name"], params))

    async def sources(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self.core.sources, dict(request.query_params)))

    async def settle(self, _: Request) -> Response:
        return _json(await run_in_threadpool(self.core.settle))

    async def replay(self, request: Request) -> Response:
        ask = await _body(request, ReplayRequest)
        if ask.start.tzinfo is None or ask.end.tzinfo is None or ask.start >= ask.end:
            raise UsageError("from and to must be instants with a time zone, from before to")
        try:
            step = parse_duration(ask.step)
        except ValueError as error:
            raise UsageError(str(error)) from None
        job = self.jobs.start(
            "replay", lambda progress: self.core.replay(ask.start, ask.end, step, ask.notify, progress)
        )
        return _json({"job": job.id}, 202)

    async def job(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["id"])
        if request.method == "DELETE":
            job.stop.set()
        return _json(job.view())

    async def explain(self, request: Request) -> Response:
        return _json({"lines": await run_in_threadpool(self.core.explain, request.path_params["id"])})

    async def report(self, request: Request) -> Response:
        path = await run_in_threadpool(self.core.report, request.path_params["id"])
        headers = {
            "content-security-policy": REPORT_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)

    async def erase(self, request: Request) -> Response:
        ask = await _body(request, EraseRequest)
        if not ask.id:
            raise UsageError(f"which {ask.kind}? the id is empty")
        return _json(await run_in_threadpool(self.core.erase, ask.kind, ask.id))

    async def check(self, _: Request) -> Response:
        return _json({"problems": [str(problem) for problem in await run_in_threadpool(self.core.check)]})


def create_app(core: AgentCore, token: str, bound: str) -> Starlette:
    """Return the service over `core` for bearers of `token`; `bound` is the host it will listen on."""
    routes = Routes(core)
    table = [
        ("/healthz", routes.healthz, "GET"),
        ("/readyz", routes.readyz, "GET"),
        ("/metrics", routes.metrics, "GET"),
        ("/v1/status", routes.status, "GET"),
        ("/v1/check", routes.check, "GET"),
        ("/v1/sql", routes.sql, "POST"),
        ("/v1/read/{name}", routes.read, "GET"),
        ("/v1/sources", routes.sources, "GET"),
        ("/v1/settle", routes.settle, "POST"),
        ("/v1/replay", routes.replay, "POST"),
        ("/v1/jobs/{id}", routes.job, "GET DELETE"),
        ("/v1/explain/{id:path}", routes.explain, "GET"),
        ("/v1/findings/{id:path}/report", routes.report, "GET"),
        ("/v1/erase", routes.erase, "POST"),
    ]
    return Starlette(
        routes=[Route(path, handler, methods=methods.split()) for path, handler, methods in table],
        middleware=[Middleware(Gate, token=token, bound=bound)],
        exception_handlers={
            HTTPException: _http_error,
            KeyError: _not_found,
            PlumblineError: _one_line,
            Exception: _bug,
        },
    )


def serve(app: Starlette, bound: socket.socket, ready: Callable[[Address], None]) -> None:
    """Serve `app` on `bound` until SIGTERM or SIGINT; `ready` is called once requests are answered.

    uvicorn raises the signal again when it is done, so a caller that wants to end with 0 installs its own handler first.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=5, server_header=False
    )
    asyncio.run(_Announcing(config, lambda: ready(address_of(bound))).serve(sockets=[bound]))


class _Announcing(uvicorn.Server):
    """uvicorn, telling when it has started."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


async def _body(request: Request, schema: type[T]) -> T:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise HTTPException(413, f"the body is larger than {MAX_BODY} bytes")
    try:
        return msgspec.json.decode(raw, type=schema)
    except msgspec.MsgspecError as error:
        raise UsageError(f"the body is not what is expected here: {error}") from None


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(plain(value)), status, media_type="application/json")


def _table(request: Request, table: pa.Table, *, truncated: bool = False) -> Response:
    if ARROW not in request.headers.get("accept", ""):
        rows = rows_of(table, truncated=truncated)
        return _json({"columns": rows.columns, "rows": rows.rows, "truncated": rows.truncated})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(sink.getvalue(), media_type=ARROW, headers={"x-truncated": str(truncated).lower()})


def _error(status: int, text: str) -> Response:
    return _json({"error": " ".join(text.split())}, status)


async def _http_error(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return _error(status, str(getattr(error, "detail", error)))


async def _not_found(_: Request, error: Exception) -> Response:
    return _error(404, f"nothing here is named {error.args[0] if error.args else ''}")


async def _one_line(_: Request, error: Exception) -> Response:
    if isinstance(error, Busy):
        return _error(409, str(error))
    return _error(400 if isinstance(error, BadSql | UsageError) else 503, str(error))


async def _bug(_: Request, error: Exception) -> Response:
    return _error(500, f"internal error: {type(error).__name__} (see the log of the agent)")
