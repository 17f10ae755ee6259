"""What was understood and what was not: versions of scope and SDK, the application's message id, keys without a rule."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_traces
from tests.collectors_decode.encoding import RECEIVED, request_of, span_of, traces_json


def row_of(attributes: dict[str, Any], resource: dict[str, Any] | None = None, scope: str = "") -> dict[str, Any]:
    batch = Batch()
    request = request_of(span_of(attributes), resource=resource, scope=scope)
    decode_traces(request.SerializeToString(), "protobuf", batch, RECEIVED)
    decode_traces(traces_json(request), "json", batch, RECEIVED)
    first, second = batch.dicts("spans")
    assert first == second
    return first


def test_versions_of_scope_and_sdk() -> None:
    sdk = {"telemetry.sdk.language": "nodejs", "telemetry.sdk.version": "2.2.0", "telemetry.sdk.name": "opentelemetry"}
    row = row_of({}, sdk, "ai@6.0.1")
    assert (row["scope"], row["scope_version"], row["sdk"], row["dialect"]) == ("ai", "6.0.1", "nodejs 2.2.0", "vercel")
    bare = row_of({})
    assert (bare["scope_version"], bare["sdk"]) == (None, None)


@pytest.mark.parametrize(
    "attributes",
    [
        {"message.id": "m-1"},
        {"app.message.id": "m-1"},
        {"message_id": "m-1"},
        {"metadata": '{"message_id": "m-1"}'},
        {"langfuse.trace.metadata.message_id": "m-1"},
        {"traceloop.association.properties.messageId": "m-1"},
        {"ai.telemetry.metadata.messageId": "m-1"},
    ],
)
def test_the_applications_own_message_id(attributes: dict[str, Any]) -> None:
    assert row_of(attributes)["message_id"] == "m-1"


def test_a_message_of_a_queue_is_not_a_reply() -> None:
    assert row_of({"messaging.message.id": "kafka-1"})["message_id"] is None


def test_keys_that_look_like_genai_and_have_no_rule_are_told() -> None:
    row = row_of(
        {
            "gen_ai.request.brand_new": 1,
            "llm.odd.0.thing": "x",
            "llm.odd.1.thing": "y",
            "acme.prompt.budget": 3,
            "ai.telemetry.metadata.color": "red",
            "http.route": "/chat",
            "gen_ai.request.model": "m",
        }
    )
    assert row["unknown_keys"] == "acme.prompt.budget\ngen_ai.request.brand_new\nllm.odd.N.thing"
    assert '"gen_ai.request.brand_new":1' in row["attrs"]


def test_what_is_understood_or_none_of_our_business_is_not_told() -> None:
    assert row_of({"gen_ai.request.model": "m", "http.route": "/chat", "modelling": "x"})["unknown_keys"] is None


def test_a_key_is_told_even_where_its_value_finds_no_room() -> None:
    attributes: dict[str, Any] = {f"shop.filler.{n}": "x" * 1000 for n in range(20)}
    row = row_of(attributes | {"gen_ai.request.brand_new": "y"})
    assert "brand_new" not in row["attrs"]
    assert row["unknown_keys"] == "gen_ai.request.brand_new"
    assert "attrs_cut" in row["flags"]


def test_inventing_keys_does_not_fill_the_row() -> None:
    row = row_of({f"gen_ai.k{chr(97 + n % 26)}{chr(97 + n // 26)}": n for n in range(100)})
    assert len(row["unknown_keys"].split("\n")) == 32
