"""Bodies at the edge of the protocol: empty, malformed, partly bad, late, structured."""

from __future__ import annotations

import gzip
import json

import pytest

from collectors.batch import Batch
from collectors.decode import BadBody, decode_logs, decode_traces, propagate
from tests.collectors_decode.cases import RECEIVED, body_of, calls_of, texts
from tests.support.shared import FIXTURES, needs_shared

pytestmark = needs_shared


def body(name: str) -> bytes:
    return body_of(FIXTURES / "protocol-edge" / name, "traces").data


def test_an_empty_body_is_a_valid_request() -> None:
    batch = Batch()
    assert decode_traces(body("empty_request.01.bin"), "protobuf", batch, RECEIVED).accepted == 0
    assert decode_traces(body("empty_request.02.json"), "json", batch, RECEIVED).accepted == 0
    assert len(batch) == 0


@pytest.mark.parametrize("name", ["malformed.01.bin", "malformed.02.bin", "malformed.03.json"])
def test_a_malformed_body_is_refused_as_a_whole(name: str) -> None:
    batch = Batch()
    batch.add("refusals", reason="was there before")
    with pytest.raises(BadBody, match="not an OTLP"):
        decode_traces(body(name), "json" if "json" in name else "protobuf", batch, RECEIVED)
    assert len(batch) == 1


def test_a_body_of_zeros_is_refused() -> None:
    with pytest.raises(BadBody):
        decode_traces(body("gzip_bomb.01.bin.gz")[:1_000_000], "protobuf", Batch(), RECEIVED)


def test_bad_spans_are_refused_one_by_one_and_counted() -> None:
    batch = Batch()
    outcome = decode_traces(body("partial_success.01.bin"), "protobuf", batch, RECEIVED)
    assert (outcome.accepted, outcome.rejected) == (2, 2)
    assert "trace id" in outcome.message
    assert "span id" in outcome.message
    refused = {(row["source"], row["received"], row["reason"]) for row in batch.dicts("refusals")}
    assert refused == {
        ("edge-app", 1, "trace id is zero or not 16 bytes"),
        ("edge-app", 1, "span id is zero or not 8 bytes"),
    }
    backwards = batch.dicts("spans")[1]
    assert backwards["duration_ms"] is None
    assert backwards["flags"] == "negative_duration"


def test_a_repeated_delivery_has_the_same_keys() -> None:
    batches = []
    for number, received in ((1, RECEIVED), (2, RECEIVED + 5)):
        batch = Batch()
        decode_traces(body(f"duplicate_delivery.0{number}.bin"), "protobuf", batch, received)
        batches.append([(row["trace_id"], row["span_id"], row["time"]) for row in batch.dicts("spans")])
    assert batches[0] == batches[1]


def test_identity_of_a_late_root_reaches_its_call() -> None:
    batch = Batch()
    for number in (1, 2):
        decode_traces(body(f"child_before_parent.0{number}.bin"), "protobuf", batch, RECEIVED)
    propagate(batch)
    (call,) = calls_of(batch)
    assert (call["session_id"], call["user_id"]) == ("sess-1", "u-1")


def test_structured_attributes() -> None:
    batch = Batch()
    decode_traces(body("structured_attributes.01.bin"), "protobuf", batch, RECEIVED)
    (call,) = calls_of(batch)
    assert texts(call["input_messages"]) == ["structured hello"]
    assert texts(call["output_messages"]) == ["structured answer"]
    assert json.loads(call["attrs"]) == {
        "bytes.attr": "AP8=",
        "none.attr": None,
        "nested": {"a": {"b": [1, 2.5, True, "x", None]}},
        "neg": -9007199254740993,
    }


def test_json_variants_are_the_same_span() -> None:
    rows = []
    for name in ("json_variants.01.json", "json_variants.02.json.gz"):
        batch = Batch()
        decode_traces(body(name), "json", batch, RECEIVED)
        rows += batch.dicts("spans")
    assert rows[0] == rows[1]
    assert rows[0]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (rows[0]["input_tokens"], rows[0]["output_tokens"], rows[0]["duration_ms"]) == (12, 5, 1000.0)


def test_scores_before_their_span() -> None:
    batch = Batch()
    decode_logs(body("feedback_join.01.bin"), "protobuf", batch, RECEIVED)
    decode_traces(body("feedback_join.02.bin"), "protobuf", batch, RECEIVED)
    scores = batch.dicts("scores")
    assert [(row["name"], row["value"], row["label"], row["response_id"]) for row in scores] == [
        ("relevance", 0.4, None, "chatcmpl-edge1"),
        ("relevance", 1.0, None, "chatcmpl-unknown"),
        ("tone", None, "polite", None),
    ]
    assert scores[2]["span_id"] == batch.dicts("spans")[0]["span_id"]
    assert all(isinstance(row["value"], float | None) for row in scores)


def test_gzip_is_not_our_business() -> None:
    with pytest.raises(BadBody):
        decode_traces(gzip.compress(body("duplicate_delivery.01.bin")), "protobuf", Batch(), RECEIVED)
