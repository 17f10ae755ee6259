"""OTLP/HTTP as clients meet it: what is taken, what is refused and why, and that a 200 means it is on the disk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.traffic import bodies
from collectors.doors.routes import ROUTES, Route
from monitor.errors import StoreError
from monitor.spool_writer import SpoolWriter
from tests.collectors.door import MAX_BODY, Open, opened

JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


def a_body(spans: int = 4, seed: int = 1) -> bytes:
    (body,) = bodies(1, spans, seed=seed, start_ns=1_700_000_000_000_000_000)
    return body


def spans_on_disk(door: Open) -> int:
    return sum(pl.read_ipc_stream(tables["spans"]).height for tables in door.tables() if "spans" in tables)


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces", "/any/base/v1/traces/"])
def test_a_200_means_it_is_on_the_disk(door: Open, path: str) -> None:
    answer = door.post(a_body(), path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert spans_on_disk(door) == 4


def test_gzip_json_and_empty_bodies(door: Open) -> None:
    assert door.post(gzip.compress(a_body()), **{"Content-Encoding": "gzip"}).status_code == 200
    assert door.post(b"").status_code == 200
    answer = door.post(b"{}", **JSON)
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json")
    assert spans_on_disk(door) == 4


def test_metrics_are_accepted_and_the_door_tells_its_health(door: Open) -> None:
    assert door.post(b"\x0a\x00", "/v1/metrics").status_code == 200
    assert door.client.get(door.url + "/healthz").json()["ok"] is True
    assert "plumbline_collector_accepted_total 0" in door.client.get(door.url + "/metrics").text


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"\xff\xff\xff", {}, 400, "not an OTLP trace request"),
        (b"{", JSON, 400, ""),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "gzip"),
        (gzip.compress(b"x" * 100, mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400, "gzip"),
        (b"x", {"Content-Encoding": "br"}, 415, "br is not supported"),
        (b"x", {"Content-Type": "text/plain"}, 415, "text/plain is not supported"),
        (b"x" * (MAX_BODY + 1), {}, 413, "larger than"),
        (gzip.compress(b"\0" * 50_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413, "larger than"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_in_one_line(
    door: Open, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    answer = door.post(body, **headers)
    assert answer.status_code == status
    is_json = "json" in answer.headers["content-type"]
    reason = answer.json()["message"] if is_json else Status.FromString(answer.content).message
    assert says in reason
    assert "\n" not in reason
    door.intake.close()
    (refusals,) = [pl.read_ipc_stream(t["refusals"]) for t in door.tables() if "refusals" in t]
    assert refusals["received"].sum() == 1, "the ledger hears of it, once"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.tail)
def test_json_that_is_not_utf8_is_refused_at_every_door_even_where_nobody_reads_it(door: Open, route: Route) -> None:
    for text in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"):
        answer = door.post(b'{"a":"' + text + b'"}', route.tail, **JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert "utf-8" in answer.json()["message"]
    door.intake.close()
    assert sum(int(str(row["received"])) for row in door.rows("refusals")) == 5


def test_json_in_utf8_is_taken(door: Open) -> None:
    answer = door.post('{"a":"é✓𝄞\\u00e9"}'.encode(), **JSON)
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_medium_that_is_not_utf8(door: Open) -> None:
    assert door.post(b'{"a":"\xff"}', "/api/public/media", **JSON).status_code == 400


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_protobuf_that_is_not_utf8_is_refused(door: Open, signal: str) -> None:
    answer = door.post(not_utf8(), f"/v1/{signal}")
    assert answer.status_code == 400
    assert "UTF-8" in Status.FromString(answer.content).message
    door.intake.close()
    assert [row["received"] for row in door.rows("refusals")] == [1]


def not_utf8() -> bytes:
    """A resource with one attribute whose key is a lone byte: the same bytes in every signal."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().resource.attributes.add(key="?")
    return request.SerializeToString().replace(b"?", b"\xff")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("PUT", "/v1/traces", 405), ("GET", "/v1/traces", 405), ("POST", "/v2/traces", 404)]
)
def test_other_doors_are_closed(door: Open, method: str, path: str, status: int) -> None:
    assert door.client.request(method, door.url + path, headers=JSON).status_code == status


def test_bad_spans_of_a_good_body_are_counted(door: Open) -> None:
    request = ExportTraceServiceRequest.FromString(a_body())
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"\0" * 16
    answer = ExportTraceServiceResponse.FromString(door.post(request.SerializeToString()).content)
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message
    assert spans_on_disk(door) == 3


def test_what_reaches_the_disk_is_redacted(door: Open) -> None:
    secret = b"kim.lee@example.org"
    body = next(body for body in (a_body(4, seed) for seed in range(200)) if secret in body)
    door.post(body)
    assert not any(secret in path.read_bytes() for path in door.folder.glob("*.seg"))
    raw = b"".join(data for tables in door.tables() for data in tables.values())
    assert secret not in raw
    assert b"<EMAIL_" in raw


def test_a_full_queue_and_a_full_disk_say_when_to_come_back(tmp_path: Path) -> None:
    with opened(tmp_path / "a", max_queue_bytes=10) as door:
        answer = door.post(a_body())
        assert (answer.status_code, answer.headers["retry-after"] in {"1", "2", "3"}) == (503, True)
    with opened(tmp_path / "b", min_free_bytes=1 << 60) as door:
        assert door.post(a_body()).status_code == 503
        assert door.tables() == []


def test_a_disk_that_fails_is_never_acknowledged_and_is_tried_again(
    door: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: SpoolWriter) -> None:
        raise StoreError("Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SpoolWriter, "sync", fails)
        assert door.post(a_body()).status_code == 503
    assert door.post(a_body(seed=2)).status_code == 200


def test_a_batch_in_the_queue_is_not_lost_when_the_collector_stops(door: Open) -> None:
    waiting = [door.intake.submit("traces", "protobuf", a_body(seed=n)) for n in range(20)]
    door.intake.close()
    assert [future.result(5).accepted for future in waiting] == [4] * 20
    assert spans_on_disk(door) == 80


def test_the_real_exporter_is_content(door: Open) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "real"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=door.url + "/v1/traces")))
    tracer = provider.get_tracer("app")
    for number in range(300):
        with tracer.start_as_current_span(f"chat {number}", attributes={"gen_ai.operation.name": "chat"}):
            pass
    assert provider.force_flush()
    provider.shutdown()
    assert spans_on_disk(door) == 300


def test_json_and_protobuf_of_a_span_are_the_same_rows(door: Open) -> None:
    span = {"traceId": "AB" * 16, "spanId": "cd" * 8, "name": "chat", "startTimeUnixNano": "1700000000000000000"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert door.post(json.dumps(body).encode(), **JSON).status_code == 200
    assert spans_on_disk(door) == 1
