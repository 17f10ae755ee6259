"""A receiver on loopback, and applications as processes of their own that send to it through the real exporters."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from plumbline.demo.stubs.serving import in_background


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Door(ThreadingHTTPServer):
    """Keeps what is posted. While `hold` is set, no answer is given: a collector that hangs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[Posted] = []
        self.status = 200
        self.hold = threading.Event()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[Span]:
        bodies = [ExportTraceServiceRequest.FromString(one.body) for one in self.posted if one.path == "/v1/traces"]
        return [s for body in bodies for rs in body.resource_spans for ss in rs.scope_spans for s in ss.spans]

    def services(self) -> set[str]:
        bodies = [ExportTraceServiceRequest.FromString(one.body) for one in self.posted if one.path == "/v1/traces"]
        told = [kv for body in bodies for rs in body.resource_spans for kv in rs.resource.attributes]
        return {kv.value.string_value for kv in told if kv.key == "service.name"}

    def records(self) -> list[LogRecord]:
        bodies = [ExportLogsServiceRequest.FromString(one.body) for one in self.posted if one.path == "/v1/logs"]
        return [x for body in bodies for rl in body.resource_logs for sl in rl.scope_logs for x in sl.log_records]


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.server.hold.is_set():
            self.server.released.wait(60)
        self.server.posted.append(Posted(self.path, headers, body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_door() -> Iterator[Door]:
    with Door() as server, in_background(server):
        try:
            yield server
        finally:
            server.released.set()


def values(item: Span | LogRecord) -> dict[str, Any]:
    """The attributes of a span or record as plain values."""
    return {kv.key: getattr(kv.value, kv.value.WhichOneof("value") or "string_value") for kv in item.attributes}


HEAD = """
import os, sys, threading, time
import plumbline_sdk as plumbline
from opentelemetry import trace
tracer = trace.get_tracer("app")
"""


def run_app(door: Door | None, code: str, *, head: str = HEAD, **env: str) -> str:
    """Run `code` as a process that knows the door by PLUMBLINE_ENDPOINT; return what it printed. It must end well."""
    known = {"PLUMBLINE_ENDPOINT": door.url} if door else {}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PLUMBLINE_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", head + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean | known | env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() + (f"\n{done.stderr.strip()}" if done.stderr.strip() else "")
