"""The SDK inside somebody's application: real spans and logs, read from the real exporters' bodies by a loopback server."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import plumbline_sdk
from plumbline_sdk._tags import TagProcessor


@pytest.fixture
def spans() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(TagProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


def attributes(exporter: InMemorySpanExporter) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in exporter.get_finished_spans()]


def test_tags_hold_inside_the_block_and_nowhere_else(spans: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    provider, exporter = spans
    tracer = provider.get_tracer("app")
    with (
        plumbline_sdk.prompt("refunds", "7"),
        plumbline_sdk.experiment("tone", "B", unit="u9"),
        plumbline_sdk.identity(user="u9"),
        tracer.start_as_current_span("inside"),
    ):
        pass
    with tracer.start_as_current_span("outside"):
        pass
    inside, outside = attributes(exporter)
    assert inside == {
        "gen_ai.prompt.name": "refunds",
        "gen_ai.prompt.version": "7",
        "feature_flag.key": "tone",
        "feature_flag.result.variant": "B",
        "feature_flag.context.id": "u9",
        "user.id": "u9",
    }
    assert outside == {}


def test_a_spans_own_attribute_wins(spans: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    provider, exporter = spans
    with (
        plumbline_sdk.identity(user="tagged"),
        provider.get_tracer("app").start_as_current_span("s", attributes={"user.id": "own"}),
    ):
        pass
    assert attributes(exporter) == [{"user.id": "own"}]


def test_concurrent_tasks_do_not_mix(spans: tuple[TracerProvider, InMemorySpanExporter]) -> None:
    provider, exporter = spans
    tracer = provider.get_tracer("app")

    async def request(user: str) -> None:
        with plumbline_sdk.identity(user=user):
            await asyncio.sleep(0)
            with tracer.start_as_current_span(user):
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(*(request(f"u{i}") for i in range(20)))

    asyncio.run(both())
    assert {span.name: dict(span.attributes or {})["user.id"] for span in exporter.get_finished_spans()} == {
        f"u{i}": f"u{i}" for i in range(20)
    }


def test_feedback_before_init_says_so_and_does_not_raise() -> None:
    code = "import plumbline_sdk as p; print(p.feedback('helpful', 1), p.feedback('x', trace_id='not hex'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


class Door(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[tuple[str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[Door]:
    server = Door()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


APP = """
    import plumbline_sdk as plumbline
    from opentelemetry import trace
    {before}
    assert plumbline.init("http://127.0.0.1:{port}", service="shop") and plumbline.init("http://127.0.0.1:{port}")
    with plumbline.prompt("refunds", "7"), trace.get_tracer("app").start_as_current_span("chat"):
        assert plumbline.feedback("helpful", 1, label="thumbs up", comment="x" * 9000)
    assert plumbline.feedback("tone", label="polite", response_id="resp-1")
"""


def run_app(door: Door, before: str = "") -> None:
    code = textwrap.dedent(APP).format(port=door.server_address[1], before=before)
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_a_short_process_delivers_spans_and_feedback_before_it_ends(door: Door) -> None:
    run_app(door)
    spans = [ExportTraceServiceRequest.FromString(b) for path, b in door.bodies if path == "/v1/traces"]
    logs = [ExportLogsServiceRequest.FromString(b) for path, b in door.bodies if path == "/v1/logs"]
    sent = [s for r in spans for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]
    records = [x for r in logs for rl in r.resource_logs for sl in rl.scope_logs for x in sl.log_records]
    assert [span.name for span in sent] == ["chat"]
    helpful, tone = records
    assert helpful.event_name == "gen_ai.evaluation.result"
    assert (helpful.trace_id, helpful.span_id) == (sent[0].trace_id, sent[0].span_id)
    values = {kv.key: kv.value for kv in helpful.attributes}
    assert values["gen_ai.evaluation.score.value"].double_value == 1
    assert len(values["gen_ai.evaluation.explanation"].string_value) == 2_000
    assert {kv.key: kv.value.string_value for kv in tone.attributes}["gen_ai.response.id"] == "resp-1"


def test_an_existing_provider_is_kept(door: Door) -> None:
    before = (
        "from opentelemetry.sdk.trace import TracerProvider; mine = TracerProvider(); "
        "trace.set_tracer_provider(mine); import atexit; atexit.register(lambda: None)"
    )
    run_app(door, before)
    assert [path for path, _ in door.bodies].count("/v1/traces") == 1
