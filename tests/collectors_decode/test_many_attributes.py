"""A span with more attributes than any SDK sends is cut and says so; one at the limit is not."""

from __future__ import annotations

import base64

import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.batch import Batch
from collectors.decode import decode_traces
from collectors.decode.wire import MAX_ATTRIBUTES

NOW = 1_763_000_000_000_000


def body(attributes: int, encoding: str) -> bytes:
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=b"a" * 16, span_id=b"b" * 8, name="chat", start_time_unix_nano=NOW * 1000)
    )
    for number in range(attributes):
        span.attributes.add(key=f"k{number}").value.string_value = "v"
    if encoding == "protobuf":
        return request.SerializeToString()
    told = MessageToJson(request)
    for raw in (b"a" * 16, b"b" * 8):  # protobuf writes base64 where OTLP writes hex
        told = told.replace(base64.b64encode(raw).decode(), raw.hex())
    return told.encode()


def flags(attributes: int, encoding: str) -> str:
    batch = Batch()
    decode_traces(body(attributes, encoding), encoding, batch, NOW)  # type: ignore[arg-type]  # one of the two encodings
    [span] = batch.dicts("spans")
    return span["flags"] or ""


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_what_is_beyond_the_limit_is_cut_and_flagged(encoding: str) -> None:
    assert "attrs_cut" in flags(MAX_ATTRIBUTES + 1, encoding)
    assert "attrs_cut" in flags(3 * MAX_ATTRIBUTES, encoding)
    assert "attrs_cut" not in flags(40, encoding)
