"""The agent's HTTP contract for the dashboard over a generated store: the real named reads, the real wire format."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from monitor.diagnosis.gather import sources
from monitor.errors import UsageError
from plumbline.api.rows import plain
from tests.support.generated_store import GeneratedStore

TOKEN = "token-of-the-fake-api"
REPORT = "<html><body><h1>side by side</h1></body></html>"


@dataclass
class FakeAgent:
    """What is served; tests may change it while it runs."""

    store: GeneratedStore
    status: dict[str, Any] = field(default_factory=lambda: {"collector": "127.0.0.1:4318", "baseline_first": 250})
    explain: list[str] = field(default_factory=lambda: ["value 0.121 above 0.02", "fired after 1 evaluation"])
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, params: dict[str, str]) -> tuple[int, str, bytes]:
        self.asked.append(path)
        match path.strip("/").split("/"):
            case ["v1", "status"]:
                return _json(200, self.status)
            case ["v1", "read", name]:
                return self._rows(name, params)
            case ["v1", "sources"]:
                return self._sources(params)
            case ["v1", "explain", _]:
                return _json(200, {"lines": self.explain})
            case ["v1", "findings", "missing", "report"]:
                return _json(404, {"error": "nothing here is named missing"})
            case ["v1", "findings", _, "report"]:
                return 200, "text/html; charset=utf-8", REPORT.encode()
        return _json(404, {"error": "no such page"})

    def _sources(self, params: dict[str, str]) -> tuple[int, str, bytes]:
        try:
            return _json(200, plain(sources(self.store.store, params, self.store.now.replace(tzinfo=UTC))))
        except UsageError as error:
            return _json(400, {"error": str(error)})

    def _rows(self, name: str, params: dict[str, str]) -> tuple[int, str, bytes]:
        try:
            table = self.store.page(name, params)
        except KeyError:
            return _json(404, {"error": f"nothing here is named {name}"})
        except UsageError as error:
            return _json(400, {"error": str(error)})
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return 200, "application/vnd.apache.arrow.stream", sink.getvalue()


def _json(status: int, value: Any) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(value, default=str).encode()


@contextmanager
def serving(agent: FakeAgent) -> Iterator[str]:
    """Serve `agent` on a free port of loopback; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.headers.get("authorization") == f"Bearer {TOKEN}":
                status, kind, body = agent.answer(unquote(parts.path), dict(parse_qsl(parts.query)))
            else:
                status, kind, body = _json(401, {"error": "missing or wrong token"})
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
