"""LiteLLM: a captured callback file against what the application really did, and the corners of the payload."""

import json
from pathlib import Path
from typing import Any

from tests.importers.importing import imported, lines, span, texts
from tests.support.shared import FIXTURES, needs_shared

CALL: dict[str, Any] = {
    "id": "chatcmpl-1",
    "litellm_call_id": "b3d5c33e-1e2a-44e5-b4f7-251a7829b2a9",
    "trace_id": "7053d5dc-f1d2-4375-95c6-7c0ff116f8d2",
    "session_id": "",
    "call_type": "acompletion",
    "custom_llm_provider": "anthropic",
    "status": "success",
    "startTime": 1790000000.0,
    "endTime": 1790000002.5,
    "completionStartTime": 1790000000.5,
    "stream": True,
    "model": "claude-x",
    "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}],
    "response": {
        "id": "chatcmpl-1",
        "model": "claude-x-1",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
        "usage": {"prompt_tokens_details": {"cached_tokens": 4}},
    },
    "prompt_tokens": 10,
    "completion_tokens": 3,
    "response_cost": 0.5,
    "end_user": "u-1",
    "request_tags": ["variant:B", "prod"],
    "metadata": {"user_api_key_alias": "shop-key", "requester_metadata": {"session_id": "s-9", "experiment": "tone"}},
    "model_parameters": {"tools": [{"type": "function", "function": {"name": "look_up"}}]},
}


@needs_shared
def test_every_fact_of_the_captured_file_arrives(tmp_path: Path) -> None:
    folder = FIXTURES / "litellm-callback"
    truth = json.loads((folder / "standard_logging.expected.json").read_text())
    with imported(tmp_path, folder) as done:
        assert done.complaints == []
        calls = done.rows("SELECT * FROM calls WHERE operation = 'chat' ORDER BY time")
        embeddings = done.rows("SELECT * FROM calls WHERE operation = 'embeddings'")
        assert done.row("SELECT count(*) AS n FROM turns")["n"] == len(truth["calls"])
    assert len(calls) == len(truth["calls"]) == 7
    for call, real in zip(calls, truth["calls"], strict=True):
        said = {turn["role"]: turn["text"] for turn in real["prompt"]}
        assert (call["request_model"], call["input_text"], call["system_text"]) == (
            *(real["request_model"], said["user"]),
            said.get("system"),
        )
        assert (call["error_type"] is not None) == (real["status"] != 200)
        if real["status"] == 200:
            # LiteLLM puts the requested name into the answer of a stream: the provider's own is not in the file
            assert call["response_model"] == (real["request_model"] if real["stream"] else real["response_model"])
            assert (call["output_text"], call["response_id"]) == (real["completion"], real["response_id"])
            assert (call["input_tokens"], call["output_tokens"]) == (real["input_tokens"], real["output_tokens"])
            assert call["finish_reason"] == real["finish_reason"]
            assert call["cost_usd"] > 0
        else:
            assert (call["input_tokens"], call["cost_usd"], call["output_messages"]) == (None, None, None)
            assert real["error"]["message"] in call["error_message"]
    assert {c["session_id"] for c in calls} == {"sess-0", "sess-1", None}
    assert {c["user_id"] for c in calls} == {"user-0", "user-1", "user-2", None}
    assert json.loads(calls[-1]["output_messages"])[0]["parts"][0]["name"] == "get_weather"
    assert [e["input_tokens"] for e in embeddings] == [2]
    assert embeddings[0]["output_text"] is None  # vectors are not content


def test_one_call_says_everything() -> None:
    one = span("litellm", CALL)
    wanted = {
        "app": "shop-key",
        "dialect": "litellm",
        "kind": "llm",
        "operation": "chat",
        "provider": "anthropic",
        "request_model": "claude-x",
        "response_model": "claude-x-1",
        "input_tokens": 10,
        "output_tokens": 3,
        "cached_input_tokens": 4,
        "cost_usd": 0.5,
        "stream": True,
        "ttft_ms": 500.0,
        "duration_ms": 2500.0,
        "user_id": "u-1",
        "session_id": "s-9",
        "experiment": "tone",
        "variant": "B",
        "status": "ok",
        "system_text": "be kind",
        "trace_id": "b3d5c33e1e2a44e5b4f7251a7829b2a9",
        "finish_reason": "stop",
    }
    assert {name: one[name] for name in wanted} == wanted
    assert texts(one["input_messages"]) == [("user", "hi")]
    assert texts(one["output_messages"]) == [("assistant", "hello")]
    assert json.loads(one["attrs"])["tools"] == ["look_up"]


def test_a_session_that_a_client_named_arrives_as_trace_id() -> None:
    assert span("litellm", {**CALL, "metadata": {}, "trace_id": "talk-7"})["session_id"] == "talk-7"
    assert span("litellm", {**CALL, "metadata": {}})["session_id"] is None  # a UUID is LiteLLM's own


def test_an_answer_from_the_cache_is_a_call_of_its_own(tmp_path: Path) -> None:
    again = {**CALL, "litellm_call_id": "another", "cache_hit": True, "startTime": 1790000005.0}
    with imported(tmp_path, lines(tmp_path / "a.jsonl", CALL, again)) as done:
        assert done.row("SELECT count(*) AS n FROM calls")["n"] == 2


def test_hidden_messages_are_absent_and_not_an_answer() -> None:
    hidden = {"role": "user", "content": "redacted-by-litellm"}
    answer = {**CALL["response"], "choices": [{"message": hidden}]}
    one = span("litellm", {**CALL, "messages": [hidden], "response": answer})
    assert (one.get("input_messages"), one.get("output_messages")) == (None, None)


def test_nested_values_may_be_text_as_loggers_to_tables_write_them() -> None:
    flat = {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in CALL.items()}
    assert span("litellm", flat) == span("litellm", CALL)


def test_importing_twice_and_as_a_list_adds_nothing(tmp_path: Path) -> None:
    as_lines = lines(tmp_path / "a.jsonl", CALL)
    as_list = tmp_path / "b.json"
    as_list.write_text(json.dumps([CALL], indent=1))
    with imported(tmp_path, as_lines, as_list) as done:
        assert done.report.accepted == 2
        assert done.row("SELECT count(*) AS n FROM calls")["n"] == 1
        ledger = done.row("SELECT sum(received) r, sum(stored) s, sum(duplicate) d, sum(refused) f FROM ledger")
    assert (ledger["r"], ledger["s"], ledger["d"], ledger["f"]) == (2, 1, 1, 0)
