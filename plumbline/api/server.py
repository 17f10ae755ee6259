"""The agent as an HTTP service on loopback: a route for every question, and the socket it listens on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.places import Address, address_of
from plumbline.api.agent_protocol import AgentCore
from plumbline.api.call import KEY, Actor, Call, Credentials
from plumbline.api.caller import CallerCheck
from plumbline.api.jobs import Jobs
from plumbline.api.metrics import CONTENT_TYPE, prometheus
from plumbline.api.question import Question, Scope
from plumbline.api.questions import QUESTIONS, Status
from plumbline.api.wire import HANDLERS, json_answer, read_question, write_answer

Asked = type[Question[Any]]


class Routes:
    """The handlers over one `AgentCore`; every call that blocks runs in a thread."""

    def __init__(self, core: AgentCore) -> None:
        self.core = core
        self.jobs = Jobs()

    async def healthz(self, _: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(self, request: Request) -> Response:
        ready = (await self._status(request)).get("ready", True)
        return JSONResponse({"ready": bool(ready)}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        return PlainTextResponse(prometheus(await self._status(request)), media_type=CONTENT_TYPE)

    async def _status(self, request: Request) -> dict[str, Any]:
        actor = _permitted(request, Status.scope)
        status: dict[str, Any] = await run_in_threadpool(self.core.answer, Status(), Call(actor))
        return status

    async def job(self, request: Request) -> Response:
        _permitted(request, "operate")
        job = self.jobs.get(request.path_params["id"])
        if request.method == "DELETE":
            job.stop.set()
        return json_answer(job.view())

    def ask(self, asked: Asked) -> Callable[[Request], Any]:
        """Return the handler of one question."""

        async def handle(request: Request) -> Response:
            actor = _permitted(request, asked.scope)
            question = await read_question(request, asked)
            if asked.job:
                job = self.jobs.start(
                    asked.__name__.lower(),
                    lambda progress: self.core.answer(question, Call(actor, progress)),
                )
                return json_answer({"job": job.id}, 202)
            answer = await run_in_threadpool(
                self.core.answer, question, Call(actor, key=request.headers.get(KEY, "")[:200])
            )
            return write_answer(request, asked, answer)

        return handle


def _permitted(request: Request, scope: Scope) -> Actor:
    """Return whoever asks. Raises `Forbidden` where that actor has not `scope`."""
    actor: Actor = request.state.actor
    actor.demand(scope)
    return actor


def create_app(
    core: AgentCore, credentials: Credentials, bound: str, questions: Sequence[Asked] = QUESTIONS
) -> Starlette:
    """Return the service over `core` for holders of `credentials`; `bound` is the host it will listen on."""
    routes = Routes(core)
    return Starlette(
        routes=[
            Route("/healthz", routes.healthz, methods=["GET"]),
            Route("/readyz", routes.readyz, methods=["GET"]),
            Route("/metrics", routes.metrics, methods=["GET"]),
            Route("/v1/jobs/{id}", routes.job, methods=["GET", "DELETE"]),
            *(Route(asked.path, routes.ask(asked), methods=[asked.method]) for asked in questions),
        ],
        middleware=[Middleware(CallerCheck, credentials=credentials, bound=bound)],
        exception_handlers=HANDLERS,
    )


def serve(
    app: Starlette, bound: socket.socket, ready: Callable[[Address], None], leaving: Callable[[], None] = lambda: None
) -> None:
    """Serve `app` on `bound` until SIGTERM or SIGINT; `ready` is called once requests are answered, `leaving` when the signal comes.

    uvicorn raises the signal again when it is done, so a caller that wants to end with 0 installs its own handler first.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=5, server_header=False
    )
    asyncio.run(_Announcing(config, lambda: ready(address_of(bound)), leaving).serve(sockets=[bound]))


class _Announcing(uvicorn.Server):
    """uvicorn, telling when it has started, and when it was asked to stop: answers that are on their way take seconds more."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._leaving = ready, leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._leaving()
        super().handle_exit(sig, frame)
