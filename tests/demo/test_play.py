"""The play goes through a real HTTP door, keeps its pace, and says in one line when nobody takes it."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from monitor.clock import FakeClock
from monitor.errors import Unreachable
from plumbline.demo import DemoReport, play_demo
from plumbline.demo.story import tell
from plumbline.demo.telemetry import trace_id_of

UNTIL = datetime(2026, 11, 24, 2, tzinfo=UTC)
SEED = 7


class Door(ThreadingHTTPServer):
    """A collector that keeps what it is sent; `refusals` says how often it first answers `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.traces: list[bytes] = []
        self.logs: list[bytes] = []
        self.refusals = 0
        self.status = 503

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Keeper(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        if self.server.refusals:
            self.server.refusals -= 1
            return self._answer(self.server.status)
        (self.server.traces if self.path == "/v1/traces" else self.server.logs).append(body)
        return self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        if status == 503:
            self.send_header("retry-after", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def open_door() -> Iterator[Door]:
    server = Door()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Played:
    door: Door
    report: DemoReport
    elapsed: float
    pauses: list[float]
    shares: list[float]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """One whole play at a pace of ninety seconds, through a door that is busy at first."""
    clock, pauses, shares = FakeClock(UNTIL), list[float](), list[float]()

    def pause(length: float) -> None:
        pauses.append(length)
        clock.elapsed += length

    def progress(share: float, _: str) -> None:
        shares.append(share)

    with open_door() as door:
        door.refusals = 2
        report = play_demo(door.url, seed=SEED, seconds=90, until=UNTIL, clock=clock, pause=pause, progress=progress)
        yield Played(door, report, clock.elapsed, pauses, shares)


def attributes(items: list[KeyValue]) -> dict[str, str]:
    return {item.key: item.value.string_value for item in items}


@pytest.mark.slow
def test_everything_arrives_once_and_as_the_story_tells_it(played: Played) -> None:
    report = played.report
    requests = [ExportTraceServiceRequest.FromString(body) for body in played.door.traces]
    spans = [span for r in requests for rs in r.resource_spans for ss in rs.scope_spans for span in ss.spans]
    assert len(spans) == report.spans == len({(span.trace_id, span.span_id) for span in spans})
    resource = {item.key: item.value for item in requests[0].resource_spans[0].resource.attributes}
    assert resource["service.name"].string_value == "demo-support"
    assert resource["deployment.environment.name"].string_value == "demo"
    assert resource["plumbline.demo"].bool_value

    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id.hex(), []).append(span)
    visits = tell(SEED, UNTIL)
    assert set(by_trace) == {trace_id_of(SEED, UNTIL, visit.number) for visit in visits}
    assert report.turns == len(visits)
    for visit in visits[:: len(visits) // 200]:
        trace = by_trace[trace_id_of(SEED, UNTIL, visit.number)]
        (root,) = (span for span in trace if not span.parent_span_id)
        (call,) = (span for span in trace if span.name.startswith("chat "))
        told, called = attributes(list(root.attributes)), attributes(list(call.attributes))
        assert json.loads(told["gen_ai.input.messages"])[0]["parts"][0]["content"] == visit.ask
        assert told["feature_flag.result.variant"] == visit.arm
        assert called["gen_ai.prompt.name"] == visit.intent
        assert 2 <= len(trace) <= 4
        assert all(root.start_time_unix_nano <= s.start_time_unix_nano <= s.end_time_unix_nano for s in trace)
        if visit.answer is None:
            assert called["error.type"] == "RateLimitError"
            assert "gen_ai.output.messages" not in told
        else:
            assert json.loads(called["gen_ai.output.messages"])[0]["parts"][0]["content"] == visit.answer.text
            assert called["gen_ai.response.model"] == visit.model

    logs = [ExportLogsServiceRequest.FromString(body) for body in played.door.logs]
    records = [record for r in logs for rl in r.resource_logs for sl in rl.scope_logs for record in sl.log_records]
    assert len(records) == sum(visit.helpful is not None for visit in visits)
    assert {record.event_name for record in records} == {"gen_ai.evaluation.result"}
    assert {record.trace_id.hex() for record in records} <= set(by_trace)


def test_the_pace_is_kept(played: Played) -> None:
    assert played.elapsed == pytest.approx(90)
    assert len(played.pauses) == len(played.shares) > 300
    assert max(played.pauses) < 2
    assert played.shares == sorted(played.shares)
    assert played.shares[-1] == 1


def test_a_busy_door_was_asked_again(played: Played) -> None:
    assert played.door.refusals == 0


def test_a_door_that_says_no_ends_the_play_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with open_door() as door:
        door.refusals, door.status = 10**6, 400
        with pytest.raises(Unreachable, match=r"did not take the demo's spans; is the collector running there\?"):
            play_demo(
                door.url,
                seed=SEED,
                seconds=0,
                until=UNTIL,
                clock=FakeClock(UNTIL),
                pause=lambda _: None,
                progress=lambda _share, _line: None,
            )
    assert caplog.records == []
