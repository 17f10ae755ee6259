"""All stand-ins on one loopback port, and how they misbehave."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

from monitor.clock import Clock
from plumbline.demo.stubs.alertmanager import alertmanager
from plumbline.demo.stubs.answer import Answer, Asked, Service
from plumbline.demo.stubs.model import Model
from plumbline.demo.stubs.pagerduty import pagerduty, pagerduty_change, pagerduty_incidents
from plumbline.demo.stubs.ping import ping
from plumbline.demo.stubs.serving import in_background
from plumbline.demo.stubs.slack import post_message, slack, update
from plumbline.demo.stubs.slack_socket import auth_test, open_line, response
from plumbline.demo.stubs.teams import teams
from plumbline.demo.stubs.webhook import webhook

Mode = Literal["ok", "slow", "429", "500", "400", "401", "404", "302", "false", "hang", "reset", "lost"]
"""`lost` takes the message and cuts the connection before the answer: the sender cannot know. `false` answers 200 and takes
nothing; `slow` takes its time, `hang` never answers, `302` points to a private address."""

SERVICES: Final[Mapping[str, Service]] = {
    "/webhook": webhook,
    "/slack": slack,
    "/slack_api/chat.postMessage": post_message,
    "/slack_api/chat.update": update,
    "/slack_api/auth.test": auth_test,
    "/slack_api/apps.connections.open": open_line,
    "/slack_response": response,
    "/pagerduty": pagerduty,
    "/v2/enqueue": pagerduty,
    "/v2/change/enqueue": pagerduty_change,
    "/incidents": pagerduty_incidents,
    "/ping": ping,
    "/teams": teams,
    "/alertmanager/api/v2/alerts": alertmanager,
}
SLOW_S: Final = 0.3
LONGEST_HANG_S: Final = 30.0


class Stub(ThreadingHTTPServer):
    """Serves every service. `clock` judges the age of a signature; None trusts the stamp it carries."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, clock: Clock | None, port: int = 0) -> None:
        """Bind to loopback; port 0 picks one (see `server_port`)."""
        super().__init__(("127.0.0.1", port), Handler)
        self.clock = clock
        self.mode: Mode = "ok"
        self.retry_after: str | None = None
        self.model = Model()
        self.busy = threading.Lock()
        self.released = threading.Event()

    def url(self, path: str) -> str:
        """Return the address of one service."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    @property
    def webhook_url(self) -> str:
        """Where signed webhooks go."""
        return self.url("/webhook")

    @property
    def slack_url(self) -> str:
        """The secret address of an incoming webhook."""
        return self.url("/slack")

    @property
    def pagerduty_url(self) -> str:
        """Where events go."""
        return self.url("/pagerduty")

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Let the service at `path` take one request."""
        service = SERVICES.get(path.partition("?")[0])
        if service is None:
            return Answer(404)
        with self.busy:
            answer = service(Asked(headers, body, self.model, self.clock.now() if self.clock else None))
            if answer.problem:
                self.model.refusals.append(answer.problem)
        return answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: a sender that left is no error."""


class Handler(BaseHTTPRequestHandler):
    """One request, answered as the mode says."""

    server: Stub

    def do_POST(self) -> None:
        """Take it, or misbehave."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        mode = self.server.mode
        with self.server.busy:
            self.server.model.attempts += 1
        if mode == "hang":
            self.server.released.wait(LONGEST_HANG_S)
        elif mode == "reset":
            self._cut()
        elif mode in {"ok", "slow", "lost"}:
            self._behave(mode, body)
        elif mode == "false":
            self._answer(Answer(200, b'{"ok": false, "error": "internal_error"}'))
        else:
            self._answer(Answer(int(mode), b"no: <b>&#8238;why</b>"))

    def do_GET(self) -> None:
        """Reads misbehave like writes."""
        self.do_POST()

    def _behave(self, mode: Mode, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.take(self.path, headers, body)
        if mode == "lost":
            self._cut()
            return
        if mode == "slow":
            self.server.released.wait(SLOW_S)
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        if self.server.retry_after is not None:
            self.send_header("retry-after", self.server.retry_after)
        if answer.status == 302:
            self.send_header("location", "http://169.254.169.254/latest/meta-data")
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _cut(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        """Leave a connection alone that was cut."""
        if self.server.mode not in {"reset", "lost"}:
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
        """Stay quiet: what came is in the model."""


@contextmanager
def a_stub(clock: Clock | None) -> Iterator[Stub]:
    """All services, running; stopped at the end of the block."""
    with Stub(clock) as stub, in_background(stub):
        try:
            yield stub
        finally:
            stub.released.set()
