"""Protobuf and JSON are two spellings of one thing: the same rows come out of both."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.batch import Batch
from collectors.decode import BadBody, decode_logs, decode_traces
from tests.collectors_decode.cases import RECEIVED, Case, cases_of
from tests.collectors_decode.encoding import logs_json, traces_json
from tests.support.shared import needs_shared

SOURCES = (
    "otel-openai-v2",
    "otel-genai-",
    "openinference-",
    "openllmetry-",
    "langfuse-",
    "mlflow",
    "pydantic-ai",
    "google-adk",
)
CASES = [case for case in cases_of(*SOURCES) if case.files]


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_rows_from_both_encodings(case: Case) -> None:
    protobuf, json = Batch(), Batch()
    for body in case.bodies():
        if body.media == "json" or body.signal not in {"traces", "logs"}:
            continue
        if body.signal == "traces":
            decode_traces(body.data, "protobuf", protobuf, RECEIVED)
            decode_traces(traces_json(ExportTraceServiceRequest.FromString(body.data)), "json", json, RECEIVED)
        else:
            decode_logs(body.data, "protobuf", protobuf, RECEIVED)
            decode_logs(logs_json(ExportLogsServiceRequest.FromString(body.data)), "json", json, RECEIVED)
    assert protobuf.rows == json.rows


SPAN = (
    '"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","startTimeUnixNano":"1767225600000000000"'
)


def decoded(span: str) -> Batch:
    batch = Batch()
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{span}}}]}}]}}]}}'
    decode_traces(body.encode(), "json", batch, RECEIVED)
    return batch


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ('{"code":2}', "error"),
        ('{"code":"STATUS_CODE_ERROR"}', "error"),
        ('{"code":1}', "ok"),
        ("{}", "unset"),
        ("null", "unset"),
    ],
)
def test_status_as_number_or_name(status: str, expected: str) -> None:
    assert decoded(f'{SPAN},"status":{status}').dicts("spans")[0]["status"] == expected


@pytest.mark.parametrize(
    "value", ['{"intValue":"7"}', '{"intValue":7}', '{"stringValue":"7"}', '{"doubleValue":7}', '{"doubleValue":"7.0"}']
)
def test_numbers_in_every_spelling(value: str) -> None:
    batch = decoded(f'{SPAN},"attributes":[{{"key":"gen_ai.usage.input_tokens","value":{value}}}]')
    assert batch.dicts("spans")[0]["input_tokens"] == 7


@pytest.mark.parametrize(
    "value", ["null", "{}", '{"intValue":"many"}', '{"doubleValue":"NaN"}', '{"bytesValue":"%%"}', '{"futureValue":1}']
)
def test_values_that_say_nothing(value: str) -> None:
    batch = decoded(
        f'{SPAN},"attributes":[{{"key":"gen_ai.request.model","value":{{}}}},{{"key":"own","value":{value}}}]'
    )
    assert batch.dicts("spans")[0]["request_model"] is None


def test_times_as_text_number_or_nonsense() -> None:
    ends = ('"1767225601000000000"', "1767225601000000000", '"soon"', "null", '"-1"')
    found = [decoded(f'{SPAN},"endTimeUnixNano":{end}').dicts("spans")[0]["duration_ms"] for end in ends]
    assert found == [1000.0, 1000.0, None, None, None]


@pytest.mark.parametrize(
    "body", [b"[]", b'{"resourceSpans":{}}', b'{"resourceSpans":[{"scopeSpans":[{"spans":[1]}]}]}', b"\xff", b""]
)
def test_json_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match="not an OTLP request in JSON"):
        decode_traces(body, "json", Batch(), RECEIVED)
