"""One span: times, kind, errors, usage, identity and arms, and where its texts go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_traces, propagate
from tests.collectors_decode.cases import Row, texts
from tests.collectors_decode.encoding import RECEIVED, START, event_of, request_of, span_of

DAY_NS = 86_400_000_000_000
SECOND_NS = 1_000_000_000


def batch_of(*spans: Any, resource: dict[str, Any] | None = None, scope: str = "") -> Batch:
    batch = Batch()
    body = request_of(*spans, resource=resource, scope=scope).SerializeToString()
    assert decode_traces(body, "protobuf", batch, RECEIVED).rejected == 0
    return batch


def row_of(attributes: dict[str, Any], **fields: Any) -> Row:
    """The span and its content as one row."""
    batch = batch_of(span_of(attributes, **fields))
    content = batch.dicts("content")
    return (content[0] if content else {}) | batch.dicts("spans")[0]


@pytest.mark.parametrize(
    ("start", "end", "time", "duration", "flags"),
    [
        (START, START + SECOND_NS, START // 1000, 1000.0, None),
        (START - 3000 * DAY_NS, START, START // 1000 - 3000 * DAY_NS // 1000, 259_200_000_000.0, None),
        (0, START, RECEIVED, None, "time_unknown"),
        (START + 2 * DAY_NS, START + 2 * DAY_NS + SECOND_NS, RECEIVED, 1000.0, "time_future"),
        (START, START - 1, START // 1000, None, "negative_duration"),
        (START, 0, START // 1000, None, None),
        (START, 2**64 - 1, START // 1000, None, "end_future"),
        (2**64 - 1, 2**64 - 1, RECEIVED, 0.0, "time_future"),
    ],
)
def test_times(start: int, end: int, time: int, duration: float | None, flags: str | None) -> None:
    row = row_of({}, start_time_unix_nano=start, end_time_unix_nano=end)
    assert (row["time"], row["duration_ms"], row["flags"]) == (time, duration, flags)


@pytest.mark.parametrize(
    ("attributes", "kind", "operation"),
    [
        ({"openinference.span.kind": "LLM", "gen_ai.operation.name": "execute_tool"}, "llm", "execute_tool"),
        ({"openinference.span.kind": "RETRIEVER"}, "retriever", "retrieval"),
        ({"traceloop.span.kind": "workflow", "gen_ai.operation.name": "invoke_agent"}, "workflow", "invoke_agent"),
        ({"traceloop.span.kind": "task", "gen_ai.operation.name": "vector_db_retrieve"}, "retriever", "retrieval"),
        ({"traceloop.span.kind": "task"}, "chain", None),
        ({"gen_ai.operation.name": "Chat"}, "llm", "chat"),
        ({"gen_ai.operation.name": "generate_content"}, "llm", "generate_content"),
        ({"gen_ai.operation.name": "create_agent"}, "other", "create_agent"),
        ({"llm.request.type": "completion"}, "llm", "text_completion"),
        ({"gen_ai.request.model": "m", "gen_ai.usage.output_tokens": 3}, "llm", "chat"),
        ({"db.vector.query.top_k": 3}, "retriever", "retrieval"),
        ({"gen_ai.operation.name": "sing"}, "other", "sing"),
        ({"http.route": "/chat"}, "other", None),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm", "chat"),
    ],
)
def test_kind_and_operation(attributes: dict[str, Any], kind: str, operation: str | None) -> None:
    row = row_of(attributes)
    assert (row["kind"], row["operation"]) == (kind, operation)


def test_an_error_is_named_by_attribute_event_or_not_at_all() -> None:
    raised = event_of("exception", {"exception.type": "openai.RateLimitError", "exception.message": "slow down"})
    named = row_of({"error.type": "429"}, status={"code": 2, "message": "too many"}, events=[raised])
    assert (named["error_type"], named["error_message"], named["status"]) == ("429", "too many", "error")
    by_event = row_of({}, status={"code": 2}, events=[raised])
    assert (by_event["error_type"], by_event["error_message"]) == ("openai.RateLimitError", "slow down")
    assert row_of({}, status={"code": 2})["error_type"] == "_OTHER"
    assert row_of({}, events=[raised])["error_type"] is None  # raised, handled


def test_resource_and_span_say_where_it_ran() -> None:
    resource = {"service.name": "shop", "service.version": "7", "deployment.environment.name": "prod"}
    (row,) = batch_of(span_of({"deployment.environment": "canary"}), resource=resource).dicts("spans")
    assert (row["app"], row["source"], row["release"], row["environment"]) == ("shop", "shop", "7", "canary")
    (row,) = batch_of(span_of({}), resource={}).dicts("spans")
    assert (row["app"], row["source"], row["environment"]) == ("unknown", "unknown", None)


@pytest.mark.parametrize("value", [12, 12.0, "12", " 12 "])
def test_counts_in_any_spelling(value: Any) -> None:
    row = row_of({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": value})
    assert (row["input_tokens"], row["usage_source"]) == (12, "provider")


@pytest.mark.parametrize("value", [-1, "many", "NaN", float("inf"), True, [3], None, 2**62 * 4.0])
def test_counts_that_are_none(value: Any) -> None:
    row = row_of({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": value})
    assert (row["input_tokens"], row["usage_source"]) == (None, "none")


@pytest.mark.parametrize("value", [["stop", "stop"], '["stop"]', "stop", '"stop"'])
def test_the_first_finish_reason(value: Any) -> None:
    assert row_of({"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": value})["finish_reason"] == "stop"


def test_time_to_first_token() -> None:
    assert row_of({"gen_ai.response.time_to_first_chunk": 0.25})["ttft_ms"] == 250.0
    event = event_of("First Token Stream Event", {}, START + 40_000_000)
    assert row_of({"openinference.span.kind": "LLM"}, events=[event])["ttft_ms"] == 40.0


def test_newer_keys_win_whatever_their_order() -> None:
    for attributes in (
        {"gen_ai.system": "old", "gen_ai.provider.name": "new"},
        {"gen_ai.provider.name": "new", "gen_ai.system": "old"},
    ):
        assert row_of(attributes)["provider"] == "new"


@pytest.mark.parametrize("hidden", ["__REDACTED__", "[Scrubbed due to 'session']", ""])
def test_hidden_values_are_missing(hidden: str) -> None:
    row = row_of(
        {"session.id": hidden, "gen_ai.conversation.id": "c-1", "openinference.span.kind": "LLM", "input.value": hidden}
    )
    assert row["session_id"] == "c-1"
    assert "input_messages" not in row


@pytest.mark.parametrize(
    ("attributes", "experiment", "variant"),
    [
        ({"metadata": '{"variant": "B", "prompt_version": 4}'}, "variant", "B"),
        ({"metadata": '{"experiment": "tone", "arm": "B"}'}, "tone", "B"),
        ({"traceloop.association.properties.ab_variant": "B"}, "ab_variant", "B"),
        ({"traceloop.association.properties.exp_checkout": "B"}, "exp_checkout", "B"),
        ({"tag.tags": ["prod", "variant:B"]}, "variant", "B"),
        ({"tag.tags": '["bucket=B"]'}, "bucket", "B"),
        ({"experiment_name": "tone", "variant": "B"}, "tone", "B"),
        ({"langfuse.trace.metadata.variant": '"B"'}, "variant", "B"),
        ({"feature_flag.key": "tone", "feature_flag.result.variant": "B"}, "tone", "B"),
        ({"aws.s3.bucket": "B", "server.arm": "B"}, None, None),
        ({"metadata": '{"invariants": "B"}'}, None, None),
    ],
)
def test_arms(attributes: dict[str, Any], experiment: str | None, variant: str | None) -> None:
    row = row_of(attributes)
    assert (row["experiment"], row["variant"]) == (experiment, variant)


def flag(variant: str, reason: str, key: str = "tone") -> Any:
    told = {"feature_flag.key": key, "feature_flag.result.variant": variant, "feature_flag.result.reason": reason}
    return event_of("feature_flag.evaluation", told | {"feature_flag.context.id": "u-9"})


def test_a_flag_that_splits_is_an_experiment_and_a_default_is_not() -> None:
    row = row_of(
        {}, events=[flag("off", "default", "dark-mode"), flag("x", "targeting_match", "beta"), flag("B", "split")]
    )
    assert (row["experiment"], row["variant"], row["user_id"]) == ("tone", "B", "u-9")
    assert row_of({}, events=[flag("off", "static")])["variant"] is None


def test_messages_of_old_indexed_keys() -> None:
    row = row_of(
        {
            "llm.request.type": "chat",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": '[{"type": "text", "text": "Hi"}]',
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.tool_calls.0.id": "c1",
            "gen_ai.prompt.2.tool_calls.0.name": "find",
            "gen_ai.prompt.2.tool_calls.0.arguments": '{"x": 1}',
            "gen_ai.prompt.10.role": "tool",
            "gen_ai.prompt.10.tool_call_id": "c1",
            "gen_ai.prompt.10.content": "found",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hello",
            "gen_ai.completion.0.finish_reason": "stop",
        }
    )
    assert row["system_text"] == "Be brief."
    assert json.loads(row["input_messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"x": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "found"}]},
    ]
    assert texts(row["output_messages"]) == ["Hello"]
    assert (row["finish_reason"], row["dialect"], row["attrs"]) == ("stop", "openllmetry", None)


def test_messages_of_span_events() -> None:
    events = [
        event_of("gen_ai.system.message", {"content": "Be brief."}),
        event_of("gen_ai.user.message", {"content": "Hi"}),
        event_of("gen_ai.choice", {"message": '{"role": "assistant", "content": "Hello"}', "finish_reason": "stop"}),
    ]
    row = row_of({"gen_ai.operation.name": "chat"}, events=events)
    assert (row["system_text"], texts(row["input_messages"]), texts(row["output_messages"])) == (
        "Be brief.",
        ["Hi"],
        ["Hello"],
    )


def test_the_raw_request_is_asked_where_flattened_messages_were_cut() -> None:
    said = [{"role": "user", "content": f"message {index}"} for index in range(80)]
    flat = {
        f"llm.input_messages.{index}.message.content": message["content"] for index, message in enumerate(said[:60])
    }
    roles = {f"llm.input_messages.{index}.message.role": "user" for index in range(60)}
    raw = {"input.value": json.dumps({"model": "m", "messages": said})}
    row = row_of({"openinference.span.kind": "LLM"} | raw | flat | roles)
    assert len(texts(row["input_messages"])) == 80
    assert row["request_model"] == "m"


def test_a_truncated_message_list_is_read_as_far_as_it_goes() -> None:
    whole = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "How long is shipping?"}]}])
    row = row_of({"gen_ai.operation.name": "chat", "gen_ai.input.messages": whole[:-10]})
    assert texts(row["input_messages"]) == ["How long is ship"]
    assert row["flags"] == "truncated"


def test_text_that_only_looks_like_json_stays_text() -> None:
    row = row_of(
        {"openinference.span.kind": "CHAIN", "input.value": "[INST] hi {", "output.value": '{"answer": "yes"}'}
    )
    assert (row["input_value"], row["output_value"], row["flags"]) == ("[INST] hi {", "yes", None)


def test_a_root_that_was_given_messages_has_messages() -> None:
    history = {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]}
    after = {"messages": [*history["messages"], {"role": "assistant", "content": "A"}]}
    row = row_of(
        {"openinference.span.kind": "AGENT", "input.value": json.dumps(history), "output.value": json.dumps(after)}
    )
    assert (row["system_text"], texts(row["input_messages"]), texts(row["output_messages"])) == ("S", ["Q"], ["A"])
    assert (row["input_value"], row["output_value"]) == (None, None)


def test_tools_and_retrievals() -> None:
    tool = row_of(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.arguments": {"x": 1},
            "gen_ai.tool.call.result": '"18C"',
        }
    )
    assert (tool["tool_name"], tool["input_value"], tool["output_value"]) == ("find", '{"x":1}', "18C")
    found = row_of(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": '{"query": "tents"}',
            "retrieval.documents.0.document.content": "Tents last.",
            "retrieval.documents.0.document.score": 0.5,
        }
    )
    assert found["input_value"] == "tents"
    assert json.loads(found["output_value"]) == [{"content": "Tents last.", "score": 0.5}]


def test_vectors_are_not_content() -> None:
    row = row_of(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "e",
            "embedding.embeddings.0.embedding.text": "one",
            "embedding.embeddings.1.embedding.text": "two",
            "embedding.embeddings.0.embedding.vector": [0.1] * 500,
            "output.value": "[0.1]",
        }
    )
    assert (row["input_value"], row["output_value"], row["request_model"], row["attrs"]) == (
        "one\ntwo",
        None,
        "e",
        None,
    )


@pytest.mark.parametrize("key", ["gen_ai.input.messages", "input.value", "own.key", "gen_ai.tool.call.arguments"])
def test_pictures_are_replaced_by_their_size(key: str) -> None:
    uri = "data:image/png;base64," + "QUJD" * 500
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri}}]
    for operation in ("chat", "invoke_agent", "execute_tool"):
        value = json.dumps([{"role": "user", "content": content}])
        row = row_of({"gen_ai.operation.name": operation, key: value})
        assert "QUJDQUJD" not in str(row)
        assert "<image/png 1500 bytes sha256:" in str(row)


def test_attributes_left_over_are_capped() -> None:
    row = row_of({f"own.{index}": "x" * 5000 for index in range(20)} | {"own.int": 1})
    kept = json.loads(row["attrs"])
    assert len(row["attrs"]) < 9000
    assert all(len(value) <= 1025 for value in kept.values())
    assert row["flags"] == "attrs_cut"
    assert json.loads(row_of({"own.flag": True, "own.list": ["a", 1]})["attrs"]) == {
        "own.flag": True,
        "own.list": ["a", 1],
    }


def test_the_tools_offered_are_kept_by_name_only() -> None:
    schema = {"name": "find", "description": "d" * 3000, "parameters": {}}
    row = row_of(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.tool.definitions": json.dumps([schema, {"function": {"name": "see"}}]),
        }
    )
    assert json.loads(row["attrs"]) == {"tools": ["find", "see"]}


@pytest.mark.parametrize(
    ("scope", "attributes", "dialect"),
    [
        ("opentelemetry.instrumentation.openai_v2", {"gen_ai.system": "openai"}, "otel-genai"),
        ("opentelemetry.instrumentation.openai.v1", {"gen_ai.system": "openai"}, "openllmetry"),
        ("com.anthropic.sdk.python", {"gen_ai.provider.name": "anthropic"}, "anthropic-sdk"),
        ("", {"gen_ai.request.model": "m", "openinference.span.kind": "LLM"}, "openinference"),
        ("", {"session.id": "s"}, None),
    ],
)
def test_dialect(scope: str, attributes: dict[str, Any], dialect: str | None) -> None:
    assert batch_of(span_of(attributes), scope=scope).dicts("spans")[0]["dialect"] == dialect


def ids(*numbers: int) -> list[bytes]:
    return [number.to_bytes(8, "big") for number in numbers]


def test_identity_flows_up_when_nobody_contradicts_and_down() -> None:
    root, step, one, two = ids(1, 2, 3, 4)
    spans = [
        span_of({"deployment.environment": "prod"}, span_id=root),
        span_of({}, span_id=step, parent_span_id=root),
        span_of({"user.id": "u", "session.id": "s1", "variant": "A"}, span_id=one, parent_span_id=step),
        span_of({"session.id": "s2", "variant": "B"}, span_id=two, parent_span_id=root),
    ]
    batch = batch_of(*spans)
    propagate(batch)
    rows = batch.dicts("spans")
    assert [row["user_id"] for row in rows] == ["u"] * 4
    assert [row["session_id"] for row in rows] == [None, None, "s1", "s2"]
    assert [row["variant"] for row in rows] == [None, None, "A", "B"]
    assert [row["environment"] for row in rows] == ["prod"] * 4


def test_an_arm_travels_with_its_experiment() -> None:
    root, call = ids(1, 2)
    batch = batch_of(
        span_of({"experiment_name": "tone", "variant": "B"}, span_id=root),
        span_of({}, span_id=call, parent_span_id=root),
    )
    propagate(batch)
    assert [(row["experiment"], row["variant"]) for row in batch.dicts("spans")] == [("tone", "B")] * 2


def test_rows_of_other_traces_are_left_alone() -> None:
    batch = batch_of(span_of({"user.id": "u"}), span_of({}, trace_id=b"\7" * 16))
    propagate(batch)
    assert [row["user_id"] for row in batch.dicts("spans")] == ["u", None]
