"""Small OTLP export requests, one for each number."""

import json

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from tests.importers.importing import NOW_US


def body(number: int) -> bytes:
    """A request with one model call, in protobuf."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = (number + 1).to_bytes(16, "big"), (number + 1).to_bytes(8, "big")
    span.name = "chat g"
    span.start_time_unix_nano = (NOW_US - 60_000_000) * 1000
    span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
    for key, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "g")):
        span.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def json_body(number: int) -> bytes:
    """A request with one model call, in JSON."""
    span = {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": "chat g",
        "startTimeUnixNano": str((NOW_US - 60_000_000) * 1000),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def _logs() -> bytes:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = (NOW_US - 60_000_000) * 1000
    record.event_name = "gen_ai.evaluation.result"
    record.trace_id, record.span_id = (1).to_bytes(16, "big"), (1).to_bytes(8, "big")
    record.attributes.add(key="gen_ai.evaluation.name").value.string_value = "helpful"
    record.attributes.add(key="gen_ai.evaluation.score.value").value.double_value = 0.5
    return request.SerializeToString()


LOGS = _logs()
"""A request with one evaluation, in protobuf."""


def metrics(count: int = 7, app: str = "shop", name: str = "gen_ai.client.operation.duration") -> bytes:
    """A request with one histogram that counted `count` calls, in protobuf."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = app
    metric = resource.scope_metrics.add().metrics.add()
    metric.name, metric.unit = name, "s"
    metric.histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    point = metric.histogram.data_points.add()
    point.time_unix_nano = (NOW_US - 60_000_000) * 1000
    point.count, point.sum = count, 1.5
    return request.SerializeToString()
