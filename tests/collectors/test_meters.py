"""`/v1/metrics`: two metrics become rows, the same in both encodings and once however often they come; the rest is dropped."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from collectors.batch import Batch
from collectors.decode import BadBody
from collectors.meters import decode_metrics
from monitor.clock import SystemClock
from monitor.store.load import pump
from monitor.store.opening import Store
from tests.collectors.door import opened
from tests.support.shared import FIXTURES, needs_shared

DURATION = "gen_ai.client.operation.duration"
RECEIVED = 1_800_000_000_000_000
START, AT = 1_795_168_800_000_000_000, 1_795_168_860_000_000_000


def a_request(kind: str = "histogram", name: str = DURATION, temporality: int = 2, count: int = 7) -> dict[str, Any]:
    counted = {"asInt": str(count)} if kind == "sum" else {"count": str(count)}
    point = {
        "startTimeUnixNano": str(START),
        "timeUnixNano": str(AT),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
            {"key": "gen_ai.response.model", "value": {"stringValue": "gpt-4o"}},
        ],
        **counted,
    }
    metric = {"name": name, kind: {"aggregationTemporality": temporality, "dataPoints": [point]}}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}


def rows_of(body: bytes, media: Any = "json") -> list[dict[str, Any]]:
    batch = Batch()
    decode_metrics(body, media, batch, RECEIVED)
    return batch.dicts("meters")


def both(said: dict[str, Any]) -> list[list[dict[str, Any]]]:
    request = ExportMetricsServiceRequest()
    point_of = said["resourceMetrics"][0]
    block = request.resource_metrics.add()
    _fill(block.resource.attributes, point_of["resource"]["attributes"])
    metric = point_of["scopeMetrics"][0]["metrics"][0]
    out = block.scope_metrics.add().metrics.add(name=metric["name"])
    kind = next(key for key in metric if key != "name")
    data = getattr(out, {"exponentialHistogram": "exponential_histogram"}.get(kind, kind))
    data.aggregation_temporality = metric[kind]["aggregationTemporality"]
    given_point = metric[kind]["dataPoints"][0]
    point = data.data_points.add(time_unix_nano=AT, start_time_unix_nano=START)
    _fill(point.attributes, given_point["attributes"])
    setattr(point, "as_int" if kind == "sum" else "count", int(given_point.get("asInt", given_point.get("count"))))
    return [rows_of(json.dumps(said).encode()), rows_of(request.SerializeToString(), "protobuf")]


def _fill(pairs: Any, attributes: list[dict[str, Any]]) -> None:
    for attribute in attributes:
        pairs.add(key=attribute["key"]).value.string_value = attribute["value"]["stringValue"]


@pytest.mark.parametrize("kind", ["histogram", "exponentialHistogram", "sum"])
@pytest.mark.parametrize("name", [DURATION, "gen_ai.client.inference.duration"])
@pytest.mark.parametrize(("temporality", "word"), [(1, "delta"), (2, "cumulative"), (0, None)])
def test_a_point_says_how_many_calls_were_made(kind: str, name: str, temporality: int, word: str | None) -> None:
    as_json, as_protobuf = both(a_request(kind, name, temporality))
    assert as_json == as_protobuf
    (row,) = as_json
    assert (row["app"], row["metric"], row["count"], row["temporality"]) == ("shop", name, 7, word)
    assert (row["operation"], row["provider"], row["model"]) == ("chat", "openai", "gpt-4o")
    assert (row["time"], row["start_time"]) == (AT // 1000, START // 1000)


NO_NAMES: list[Any] = [["x"], {"x": 1}, 7, None]
ELSE = [a_request(name="http.server.duration"), a_request("gauge"), a_request("summary"), {}]


@pytest.mark.parametrize("said", [*ELSE, *(a_request(name=name) for name in NO_NAMES)])
def test_everything_else_is_dropped(said: dict[str, Any]) -> None:
    assert rows_of(json.dumps(said).encode()) == []


def test_another_instance_or_model_is_another_series() -> None:
    first, second = a_request(), a_request()
    second["resourceMetrics"][0]["resource"]["attributes"].append(
        {"key": "service.instance.id", "value": {"stringValue": "2"}}
    )
    assert rows_of(json.dumps(first).encode())[0]["series"] != rows_of(json.dumps(second).encode())[0]["series"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b'"\\ud800"', b"\xff"])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody):
        rows_of(body)
    with pytest.raises(BadBody):
        rows_of(b"\xff\xff", "protobuf")


@pytest.mark.parametrize("count", ["x", -1, 1e300, "1" * 5000, None, [], True, float(1 << 62)])
def test_a_nonsense_count_costs_nothing(count: Any) -> None:
    said = a_request()
    said["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["histogram"]["dataPoints"][0]["count"] = count
    (row,) = rows_of(json.dumps(said).encode())
    assert 0 <= row["count"] < 1 << 63


@given(st.binary(max_size=100))
def test_no_bytes_break_the_decoder(body: bytes) -> None:
    for media in ("json", "protobuf"):
        with contextlib.suppress(BadBody):
            rows_of(body, media)


@pytest.fixture
def store() -> Iterator[Store]:
    found = Store.scratch(SystemClock())
    yield found
    found.close()


def test_a_point_that_comes_twice_is_one_row_and_not_in_the_ledger(tmp_path: Path, store: Store) -> None:
    body = json.dumps(a_request()).encode()
    with opened(tmp_path / "spool") as door:
        for _ in range(2):
            assert door.post(body, "/v1/metrics", **{"Content-Type": "application/json"}).json() == {}
            pump(store, door.folder)
    assert store.read("SELECT count(*) AS n FROM base.meters").to_pylist() == [{"n": 1}]
    assert store.read("SELECT * FROM main.ledger").to_pylist() == []


def test_the_real_exporter_over_grpc(tmp_path: Path) -> None:
    with opened(tmp_path / "spool") as door:
        exporter = OTLPMetricExporter(endpoint=f"http://{door.rpc}")
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)
        provider = MeterProvider([reader], resource=Resource.create({"service.name": "real"}))
        histogram = provider.get_meter("m").create_histogram(DURATION)
        for _ in range(5):
            histogram.record(0.1, {"gen_ai.operation.name": "chat"})
        provider.force_flush()
        provider.shutdown()
        rows = door.rows("meters")
    assert {(row["app"], row["count"], row["temporality"]) for row in rows} == {("real", 5, "cumulative")}


@needs_shared
def test_the_captured_metrics_of_a_real_application() -> None:
    counts = {}
    for path in sorted((FIXTURES / "otel-openai-v2").glob("simple_chat.*.metrics.bin*")):
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for row in rows_of(body, "protobuf"):
            counts[row["metric"], row["series"], row["time"]] = row["count"]
    expected = json.loads((FIXTURES / "otel-openai-v2" / "simple_chat.expected.json").read_text())
    assert max(counts.values()) == len(expected["calls"])
