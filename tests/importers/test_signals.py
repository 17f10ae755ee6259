"""Nameless OTLP bodies: which signal they carry is told by their bytes, and metrics count calls as they do at the door."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.batch import Batch
from collectors.importers.formats import BY_NAME
from collectors.importers.readers import ImportItem
from collectors.importers.record import BadRecord
from collectors.importers.signals import signal_in
from collectors.meters import decode_metrics
from tests.importers.importing import NOW_US, ORIGIN, imported, lines
from tests.importers.otlp_bodies import LOGS, body, json_body, metrics

TEXT = st.text(max_size=20)
BIG = st.integers(0, 2**63 - 1)


@st.composite
def span_bodies(draw: Any) -> bytes:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = draw(st.binary(min_size=16, max_size=16)), draw(st.binary(min_size=8, max_size=8))
    span.name, span.trace_state = draw(TEXT), draw(TEXT)
    span.parent_span_id = draw(st.binary(max_size=8))
    span.start_time_unix_nano, span.end_time_unix_nano = draw(BIG), draw(BIG)
    span.attributes.add(key=draw(TEXT)).value.string_value = draw(TEXT)
    return request.SerializeToString()


@st.composite
def log_bodies(draw: Any) -> bytes:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.observed_time_unix_nano = draw(st.integers(1, 2**63 - 1))
    record.time_unix_nano = draw(BIG)
    record.severity_text, record.event_name = draw(TEXT), draw(TEXT)
    record.body.string_value = draw(TEXT)
    record.trace_id, record.span_id = draw(st.sampled_from([b"", b"x" * 16])), draw(st.sampled_from([b"", b"x" * 8]))
    return request.SerializeToString()


@st.composite
def metric_bodies(draw: Any) -> bytes:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = draw(st.text(min_size=1, max_size=15))
    metric.description, metric.unit = draw(TEXT), draw(TEXT)
    kind = draw(st.sampled_from(["gauge", "sum", "histogram", "exponential_histogram", "summary"]))
    getattr(metric, kind).data_points.add().time_unix_nano = draw(BIG)
    return request.SerializeToString()


@given(span_bodies())
def test_spans(given_body: bytes) -> None:
    assert signal_in(given_body) == "traces"


@given(log_bodies())
def test_logs(given_body: bytes) -> None:
    assert signal_in(given_body) == "logs"


@given(metric_bodies())
def test_metrics(given_body: bytes) -> None:
    assert signal_in(given_body) == "metrics"


@given(st.binary(max_size=300), st.integers(0, 300))
def test_bytes_that_are_no_request_do_no_harm(noise: bytes, at: int) -> None:
    for bent in (noise, body(1)[:at] + noise, metrics()[:at], LOGS[:at]):
        assert signal_in(bent) in {"traces", "logs", "metrics"}
        batch = Batch()
        try:
            BY_NAME["otlp"].add(batch, ImportItem(0, None, raw=bent), ORIGIN)
        except BadRecord as error:
            assert str(error)


def meters(raw: bytes) -> list[dict[str, Any]]:
    batch = Batch()
    added = BY_NAME["otlp"].add(batch, ImportItem(0, None, raw=raw), ORIGIN)
    assert (added.accepted, added.rejected) == (len(batch.rows["meters"]), 0)
    return batch.dicts("meters")


def test_metrics_are_read_as_at_the_door() -> None:
    door = Batch()
    decode_metrics(metrics(), "protobuf", door, NOW_US)
    assert meters(metrics()) == door.dicts("meters")
    assert [(row["app"], row["count"]) for row in door.dicts("meters")] == [("shop", 7)]
    assert meters(metrics(name="http.server.duration")) == []


JSON_METRICS = {
    "resourceMetrics": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [
                {
                    "metrics": [
                        {
                            "name": "gen_ai.client.operation.duration",
                            "histogram": {
                                "aggregationTemporality": 1,
                                "dataPoints": [{"timeUnixNano": "1795000000000000000", "count": "7", "sum": 1.5}],
                            },
                        }
                    ]
                }
            ],
        }
    ]
}


def test_files_of_the_collector_hold_all_three_signals(tmp_path: Path) -> None:
    mixed = json.loads(json_body(1)) | JSON_METRICS
    paths = [lines(tmp_path / "all.jsonl", mixed, JSON_METRICS)]
    for name, raw in (
        ("a.bin", body(2)),
        ("b.bin", metrics(5, "till")),
        ("c.bin", LOGS),
        ("d.metrics.bin", metrics(6, "web")),
    ):
        (tmp_path / name).write_bytes(raw)
        paths.append(tmp_path / name)
    framed = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (body(3), metrics(4, "app"), LOGS))
    (tmp_path / "e.pb").write_bytes(framed)
    with imported(tmp_path / "home", *paths, tmp_path / "e.pb") as done:
        assert (done.complaints, done.report.refused) == ([], 0)
        counted = done.rows("SELECT app, count FROM base.meters ORDER BY app")
        assert counted == [
            {"app": "app", "count": 4},
            {"app": "shop", "count": 7},
            {"app": "till", "count": 5},
            {"app": "web", "count": 6},
        ]
        assert done.row("SELECT count(*) AS n FROM spans")["n"] == 3
        assert done.row("SELECT count(*) AS n FROM scores")["n"] == 1
        lost = done.row("SELECT coalesce(sum(received - stored - duplicate - refused), 0) AS n FROM ledger")
        assert lost["n"] == 0
