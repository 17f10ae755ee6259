"""Bodies as real clients send them, one builder a door: what the storm bends out of shape.

Every id and every name comes from the generator that is handed in, so that a body is the same in every run and in no other place.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR, LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from tests.collectors_decode.encoding import START, event_of, logs_json, pairs, request_of, span_of, traces_json

Rng = random.Random
MESSAGES: Final = json.dumps(
    [
        {"role": "system", "parts": [{"type": "text", "content": "You are careful."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Wo ist mein Paket? kim@example.org ✓"}]},
    ],
    ensure_ascii=False,
)
ANSWER: Final = json.dumps(
    [
        {
            "role": "assistant",
            "finish_reason": "stop",
            "parts": [{"type": "tool_call", "name": "f", "arguments": {"a": 1}}],
        }
    ]
)
DIALECTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m-1",
        "gen_ai.input.messages": MESSAGES,
        "gen_ai.output.messages": ANSWER,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.response.finish_reasons": ["stop"],
    },
    {
        "openinference.span.kind": "LLM",
        "llm.model_name": "m-2",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hello",
        "llm.token_count.prompt": 3,
        "input.value": MESSAGES,
        "metadata": '{"user_id": "u", "variant": "b"}',
    },
    {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": MESSAGES,
        "user.id": "u-1",
        "session.id": "s",
    },
    {"traceloop.span.kind": "task", "traceloop.entity.input": '{"args": ["x"]}', "traceloop.entity.output": "[1, 2]"},
    {"http.request.method": "GET", "own": {"deep": {"list": [1, 2.5, True, b"\0\1"]}}},
)


def traces(rng: Rng) -> ExportTraceServiceRequest:
    """One trace of one to five spans, each in a dialect of its own."""
    trace_id, ids = rng.randbytes(16), [rng.randbytes(8) for _ in range(rng.randint(1, 5))]
    spans = [
        span_of(
            rng.choice(DIALECTS),
            trace_id=trace_id,
            span_id=one,
            parent_span_id=above,
            name=rng.choice(["chat m", "turn", "tool"]),
            events=[event_of("gen_ai.choice", {"index": 0, "message": "hi"})] if rng.random() < 0.3 else [],
        )
        for above, one in zip([b"", *ids], ids, strict=False)
    ]
    return request_of(*spans, scope="opentelemetry.instrumentation.openai@1.2")


def logs(rng: Rng, name: str = "quality") -> ExportLogsServiceRequest:
    """One evaluation, one record of an exception."""
    at: dict[str, Any] = {"trace_id": rng.randbytes(16), "span_id": rng.randbytes(8), "time_unix_nano": START}
    told = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": 0.5, "gen_ai.evaluation.score.label": "ok"}
    failed = {"exception.type": "KeyError", "exception.message": "x", "exception.stacktrace": "at a\nat b"}
    records = [
        LogRecord(event_name="gen_ai.evaluation.result", attributes=pairs(told), **at),
        LogRecord(event_name="exception", attributes=pairs(failed), severity_number=SEVERITY_NUMBER_ERROR, **at),
    ]
    blocks = [ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    blocks[0].resource.attributes.extend(pairs({"service.name": "shop"}))
    return ExportLogsServiceRequest(resource_logs=blocks)


def metrics(rng: Rng, model: str = "m-1") -> ExportMetricsServiceRequest:
    """One histogram of the durations of model calls."""
    request = ExportMetricsServiceRequest()
    block = request.resource_metrics.add()
    block.resource.attributes.extend(pairs({"service.name": "shop"}))
    metric = block.scope_metrics.add().metrics.add(name="gen_ai.client.operation.duration", unit="s")
    metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
    attributes = pairs({"gen_ai.operation.name": "chat", "gen_ai.request.model": model})
    point = metric.histogram.data_points.add(attributes=attributes, time_unix_nano=START, count=rng.randint(1, 99))
    point.explicit_bounds.append(1.0)
    point.bucket_counts.extend([1, 2])
    return request


def score(rng: Rng, name: str = "thumbs") -> dict[str, Any]:
    """Our own JSON."""
    return {
        "id": rng.randbytes(8).hex(),
        "name": name,
        "value": 1,
        "trace_id": rng.randbytes(16).hex(),
        "comment": "ok",
    }


def langfuse_score(rng: Rng, name: str = "thumbs") -> dict[str, Any]:
    return {"id": rng.randbytes(8).hex(), "name": name, "value": 0.5, "traceId": rng.randbytes(16).hex()}


def langfuse_events(rng: Rng, name: str = "thumbs") -> dict[str, Any]:
    return {"batch": [{"id": rng.randbytes(8).hex(), "type": "score-create", "body": langfuse_score(rng, name)}]}


def judgements(rng: Rng, name: str = "thumbs") -> dict[str, Any]:
    told = {"score": 1, "label": "good", "explanation": "because"}
    return {"data": [{"span_id": rng.randbytes(8).hex(), "name": name, "annotator_kind": "HUMAN", "result": told}]}


def media(rng: Rng) -> dict[str, Any]:
    return {"traceId": rng.randbytes(16).hex(), "contentType": "image/png", "contentLength": 3, "sha256Hash": "abc="}


PROTOBUF: Final[dict[str, Callable[[Rng], bytes]]] = {
    "traces": lambda rng: traces(rng).SerializeToString(),
    "logs": lambda rng: logs(rng).SerializeToString(),
    "metrics": lambda rng: metrics(rng).SerializeToString(),
}
JSON: Final[dict[str, Callable[[Rng], Any]]] = {
    "/v1/traces": lambda rng: json.loads(traces_json(traces(rng))),
    "/v1/logs": lambda rng: json.loads(logs_json(logs(rng))),
    "/v1/metrics": lambda rng: json.loads(MessageToJson(metrics(rng))),
    "/api/public/otel/v1/traces": lambda rng: json.loads(traces_json(traces(rng))),
    "/v1/scores": score,
    "/api/public/scores": langfuse_score,
    "/api/public/ingestion": langfuse_events,
    "/v1/span_annotations": judgements,
    "/api/public/media": media,
}
SERVICES: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
