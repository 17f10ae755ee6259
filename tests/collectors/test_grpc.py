"""OTLP/gRPC as clients meet it: codes, trailers, limits, compression, and those who knock at the wrong door."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from collectors.decode import Outcome
from collectors.doors import otlp_grpc
from collectors.doors.keys import add_key
from monitor.errors import RetryLater
from tests.collectors.door import MAX_BODY, Open, opened
from tests.collectors.test_door import a_body, not_utf8

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
GZIP, DEFLATE = grpc.Compression.Gzip, grpc.Compression.Deflate


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


def refused(door: Open, body: bytes, **options: grpc.Compression) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        door.export(body, **options)
    return caught.value


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, GZIP, DEFLATE])
def test_an_ok_means_it_is_on_the_disk(door: Open, compression: grpc.Compression) -> None:
    assert door.export(a_body(), compression=compression) == b""
    assert len(door.rows("spans")) == 4


@pytest.mark.parametrize("service", ["trace.v1.TraceService", "logs.v1.LogsService", "metrics.v1.MetricsService"])
def test_every_signal_has_its_service(door: Open, service: str) -> None:
    assert door.export(b"", service) == b""


def test_the_same_body_is_the_same_rows_over_both_doors(door: Open) -> None:
    door.post(a_body())
    door.export(a_body())
    first, second = (
        [{**row, "received_at": None} for row in door.rows("spans")][half] for half in (slice(4), slice(4, 8))
    )
    assert first == second


def test_bad_spans_of_a_good_body_are_counted(door: Open) -> None:
    request = ExportTraceServiceRequest.FromString(a_body())
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"\0" * 16
    answer = ExportTraceServiceResponse.FromString(door.export(request.SerializeToString()))
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message


@pytest.mark.parametrize(
    ("body", "compression", "code"),
    [
        (b"\xff\xff\xff", grpc.Compression.NoCompression, grpc.StatusCode.INVALID_ARGUMENT),
        (not_utf8(), grpc.Compression.NoCompression, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x1f\x8bno gzip", grpc.Compression.NoCompression, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\0" * (MAX_BODY + 1), GZIP, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (b"\0" * 50_000_000, GZIP, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (b"\0" * 50_000_000, DEFLATE, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_what_cannot_be_taken_is_refused_for_good_and_is_in_the_ledger(
    door: Open, body: bytes, compression: grpc.Compression, code: grpc.StatusCode
) -> None:
    error = refused(door, body, compression=compression)
    assert error.code() is code
    assert "\n" not in error.details()
    assert not error.trailing_metadata(), "a client that finds RetryInfo would send it again"
    door.intake.close()
    assert [(row["source"], row["received"]) for row in door.rows("refusals")] == [("grpc", 1)]


def test_a_message_beyond_the_limit_is_refused_before_it_is_read(door: Open) -> None:
    error = refused(door, b"\0" * (MAX_BODY + 1))
    assert (error.code(), error.trailing_metadata()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, ())
    door.intake.close()
    (refusal,) = door.rows("refusals")
    assert (refusal["source"], refusal["received"]) == ("grpc", 1)
    assert "larger than the limit" in str(refusal["reason"])


def test_calls_without_a_message_do_not_keep_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_grpc, "MESSAGE_TIMEOUT_S", 1.0)
    silence = threading.Event()
    with opened(tmp_path / "spool") as door, grpc.insecure_channel(door.rpc) as channel:
        call = channel.stream_unary(TRACES)
        silent = [call.future(iter(silence.wait, True)) for _ in range(2 * otlp_grpc.WORKERS)]
        assert door.export(a_body()) == b""
        assert {each.code() for each in silent} == {grpc.StatusCode.CANCELLED}, "which a client may try again"
        silence.set()
        door.intake.close()
        assert door.rows("refusals") == []


def test_strangers_are_turned_away_before_their_message_is_waited_for(tmp_path: Path) -> None:
    silence = threading.Event()
    add_key(tmp_path / "keys.json", "app", datetime(2026, 11, 25, tzinfo=UTC))
    with opened(tmp_path / "spool") as door, grpc.insecure_channel(door.rpc) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(TRACES)(iter(silence.wait, True), timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        silence.set()


def test_a_call_that_ends_without_a_message_is_an_error_of_the_client(door: Open) -> None:
    with grpc.insecure_channel(door.rpc) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary(TRACES)(iter([]), timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_no_room_says_when_to_come_back_in_both_trailers(tmp_path: Path) -> None:
    with opened(tmp_path / "spool", max_queue_bytes=10) as door:
        error = refused(door, a_body())
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    trailers = dict(error.trailing_metadata())
    bare = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
    status = Status.FromString(trailers["grpc-status-details-bin"])
    standard = RetryInfo()
    assert status.details[0].Unpack(standard)
    assert bare == standard
    assert 1 <= bare.retry_delay.seconds <= 3
    assert (status.code, status.message) == (14, error.details())


def a_named_exporter(door: Open) -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({"service.name": "real"}))
    exporter = OTLPSpanExporter(endpoint=f"http://{door.rpc}", compression=GZIP)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def test_the_real_exporter_is_content(door: Open) -> None:
    provider = a_named_exporter(door)
    tracer = provider.get_tracer("app")
    for number in range(600):
        with tracer.start_as_current_span(f"chat {number}", attributes={"gen_ai.operation.name": "chat"}):
            pass
    assert provider.force_flush()
    provider.shutdown()
    assert len(door.rows("spans")) == 600


def test_the_real_exporter_comes_back_when_told_to(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    turned_away: list[object] = []
    submit = door.intake.submit

    def full_once(*letter: object) -> Future[Outcome]:
        if not turned_away:
            turned_away.append(letter)
            raise RetryLater("the queue is full")
        return submit(*letter)  # type: ignore[arg-type]

    monkeypatch.setattr(door.intake, "submit", full_once)
    provider = a_named_exporter(door)
    with provider.get_tracer("app").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        pass
    assert provider.force_flush()
    provider.shutdown()
    assert len(turned_away) == 1
    assert len(door.rows("spans")) == 1


def test_many_clients_at_once_lose_nothing(door: Open) -> None:
    def send(first: int) -> None:
        for seed in range(first, first + 10):
            door.export(a_body(seed=seed))

    threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(row["trace_id"], row["span_id"]) for row in door.rows("spans")}) == 320


# -- the wrong door


def test_http_at_the_grpc_port_is_told_where_to_go(door: Open, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        answer = httpx.post(f"http://{door.rpc}/v1/traces", content=b"x" * 1_000_000)
        assert answer.status_code == 400
        assert f"this is the gRPC port ({door.rpc}); OTLP/HTTP is at {door.url}" in answer.text
    assert [record for record in caplog.messages if "speaks HTTP/1.1 here" in record] == [
        f"a client speaks HTTP/1.1 here: {answer.text.strip()}"
    ], "once in a while, not once a request"
    assert door.intake.counters["misdirected_http"] == 2


def test_grpc_at_the_http_port_is_told_where_to_go(door: Open, caplog: pytest.LogCaptureFixture) -> None:
    with grpc.insecure_channel(door.url.removeprefix("http://")) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(a_body(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "http1.x server (HTTP status 400)" in caught.value.details()
    assert any(f"OTLP/gRPC is at {door.rpc}" in message for message in caplog.messages)
    assert door.intake.counters["misdirected_grpc"] < 5, "the client backs off"


@pytest.mark.parametrize("at", ["grpc", "http"])
def test_tls_at_a_plain_port_is_logged(door: Open, caplog: pytest.LogCaptureFixture, at: str) -> None:
    address = door.rpc if at == "grpc" else door.url.removeprefix("http://")
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        assert client.recv(100) == b""
    assert any("speaks TLS here" in message and "OTEL_EXPORTER_OTLP_INSECURE" in message for message in caplog.messages)


@pytest.mark.parametrize("start", [b"PRX HTTP", b"\0\0\0\0\0\0\0\0"])
def test_garbage_is_dropped_and_the_door_stays_open(door: Open, start: bytes) -> None:
    host, port = door.rpc.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(start)
        assert client.recv(100) == b""
    assert door.export(a_body()) == b""


def test_a_preface_in_pieces_is_one_preface(door: Open) -> None:
    host, port = door.rpc.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"P", b"R", b"I * HTTP/2.0\r\n\r\n", b"SM\r\n\r\n", b"\0\0\0\4\0\0\0\0\0"):
            client.sendall(piece)
        assert client.recv(9)[3] == 4, "grpcio answers with its SETTINGS"
