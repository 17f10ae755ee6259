"""LangSmith, OpenAI, Bedrock and Azure: each documented shape, read as the call that it was."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collectors.importers.azure_apim import gather
from collectors.importers.readers import ImportItem
from tests.importers.importing import ORIGIN, imported, lines, span, texts, told

UUID = "0192f0c4-0000-7000-8000-00000000000"
HI, HELLO = [("user", "hi")], [("assistant", "hello")]
ASKED = {"messages": [{"role": "user", "content": "hi"}]}
ANSWERED = {"choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}
STORED = {"object": "chat.completion", "id": "c1", "created": 1790000000, "model": "g-1", **ANSWERED}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "system": [{"text": "sys"}]}


def run(**more: Any) -> dict[str, Any]:
    human = {"lc": 1, "type": "constructor", "id": ["m", "HumanMessage"], "kwargs": {"content": "hi"}}
    answer = {"generations": [[{"text": "hello"}]], "llm_output": {"model_name": "g-1"}}
    metadata = {"thread_id": "s", "ls_model_name": "g", "ls_provider": "openai", "variant": "B"}
    return {
        "id": f"{UUID}2",
        "trace_id": f"{UUID}1",
        "parent_run_id": f"{UUID}1",
        "run_type": "llm",
        "name": "ChatOpenAI",
        "start_time": "2026-11-20T10:00:00",
        "end_time": "2026-11-20T10:00:01",
        "inputs": json.dumps({"messages": [[human]]}),
        "outputs": json.dumps(answer),
        "extra": json.dumps({"metadata": metadata}),
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "feedback_stats": json.dumps({"ok": {"n": 2, "avg": 0.5}}),
    } | more


def test_a_langsmith_run() -> None:
    one = span("langsmith", run())
    assert (texts(one["input_messages"]), texts(one["output_messages"])) == (HI, HELLO)
    assert (one["trace_id"], one["request_model"], one["response_model"]) == (f"{UUID}1".replace("-", ""), "g", "g-1")
    assert (one["session_id"], one["variant"], one["input_tokens"], one["duration_ms"]) == ("s", "B", 3, 1000.0)
    (score,) = told("langsmith", run())["scores"]
    assert (score["name"], score["value"], score["comment"]) == ("ok", 0.5, "average of 2")


def test_langsmith_runs_make_one_turn(tmp_path: Path) -> None:
    root = run(id=f"{UUID}1", parent_run_id=None, run_type="chain", feedback_stats=None)
    root |= {"inputs": {"question": "hi"}, "outputs": {"answer": "hello"}, "error": "ValueError('x')"}
    dotted = run(trace_id=None, parent_run_id=None, dotted_order=f"20261120T{UUID}1.20261120T{UUID}2")
    with imported(tmp_path, lines(tmp_path / "runs.jsonl", dotted, root)) as done:
        turn = done.row("SELECT input_text, output_text, n_calls, error_type FROM turns")
    assert turn == {"input_text": "hi", "output_text": "hello", "n_calls": 1, "error_type": "ValueError"}


def test_stored_completions_and_responses() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}}
    one = span("openai", STORED | ASKED | {"usage": usage, "metadata": {"session_id": "s", "variant": "B"}})
    assert (texts(one["input_messages"]), texts(one["output_messages"])) == (HI, HELLO)
    assert [one[n] for n in ("input_tokens", "cached_input_tokens", "session_id", "variant")] == [3, 1, "s", "B"]
    said = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}]
    response = {"object": "response", "id": "r", "created_at": 1790000000, "model": "g", "output": said, "input": "hi"}
    one = span("openai", response | {"instructions": "sys", "conversation": {"id": "cv"}})
    assert (texts(one["input_messages"]), texts(one["output_messages"])) == (HI, HELLO)
    assert (one["system_text"], one["session_id"]) == ("sys", "cv")


def test_batch_results_find_their_requests_beside_them(tmp_path: Path) -> None:
    limited = {"status_code": 429, "body": {"error": {"code": "rate_limit", "message": "slow"}}}
    results = [
        {"id": "b1", "custom_id": "a", "response": {"status_code": 200, "body": STORED}, "error": None},
        {"id": "b2", "custom_id": "b", "response": limited, "error": None},
    ]
    asked = [{"custom_id": name, "method": "POST", "url": "/v1/x", "body": {"model": "g", **ASKED}} for name in "ab"]
    lines(tmp_path / "input.jsonl", *asked)
    with imported(tmp_path / "home", lines(tmp_path / "output.jsonl", *results)) as done:
        calls = done.rows("SELECT input_text, output_text, request_model, error_type FROM calls ORDER BY error_type")
    assert sorted(map(str, calls)) == sorted(
        map(
            str,
            [
                {"input_text": "hi", "output_text": "hello", "request_model": "g", "error_type": None},
                {"input_text": "hi", "output_text": None, "request_model": "g", "error_type": "rate_limit"},
            ],
        )
    )


def test_a_batch_result_without_its_request_is_counted(tmp_path: Path) -> None:
    result = {"custom_id": "a", "response": {"status_code": 200, "body": STORED}, "error": None}
    with imported(tmp_path / "home", lines(tmp_path / "output.jsonl", result)) as done:
        assert done.report.notes["batch results without their request"] == 1
    other = replace(ORIGIN, requests={"b": b"{}"})
    assert span("openai", result, other).get("input_messages") is None


def invocation(request: Any, answer: Any, **more: Any) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-20T10:00:00Z",
        "requestId": f"{UUID}9",
        "operation": "InvokeModel",
        "modelId": "arn:aws:bedrock:us:1:inference-profile/us.some.model",
        "identity": {"arn": "arn:aws:sts::1:assumed-role/support-bot/session"},
        "input": {"inputBodyJson": request, "inputTokenCount": 5, "cacheReadInputTokenCount": 2},
        "output": {"outputBodyJson": answer, "outputTokenCount": 2},
        "requestMetadata": {"session_id": "s", "variant": "B"},
    } | more


STREAM = [
    {"type": "message_start", "message": {"id": "msg", "role": "assistant", "content": []}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "message_delta", "delta": {"stop_reason": "end"}},
]


@pytest.mark.parametrize(
    ("request_body", "answer_body"),
    [
        (CONVERSE, {"output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}}, "stopReason": "end"}),
        (ASKED, {"role": "assistant", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end"}),
        (ASKED, STREAM),
        ({"inputText": "hi"}, {"results": [{"outputText": "hello", "completionReason": "end"}]}),
        ({"prompt": "hi"}, {"generation": "hello", "stop_reason": "end"}),
        ({"prompt": "hi"}, [{"generation": "hel"}, {"generation": "lo", "stop_reason": "end"}]),
        ({"prompt": "hi"}, {"generations": [{"text": "hello", "finish_reason": "end"}]}),
        ({"message": "hi"}, {"text": "hello", "finish_reason": "end"}),
        ({"prompt": "hi"}, {"outputs": [{"text": "hello", "stop_reason": "end"}]}),
    ],
)
def test_bedrock_bodies_of_every_model_family(request_body: Any, answer_body: Any) -> None:
    one = span("bedrock", invocation(request_body, answer_body))
    assert (texts(one["input_messages"]), texts(one["output_messages"])) == (HI, HELLO)
    assert (one["finish_reason"], one["app"], one["session_id"], one["variant"]) == ("end", "support-bot", "s", "B")
    assert (one["request_model"], one["input_tokens"], one["cached_input_tokens"]) == ("us.some.model", 7, 2)


def test_bedrock_errors_embeddings_and_content_elsewhere(tmp_path: Path) -> None:
    failed = span("bedrock", invocation(CONVERSE, None, errorCode="ThrottlingException"))
    assert (failed["status"], failed["error_type"], failed["output_messages"]) == ("error", "ThrottlingException", None)
    embedded = span("bedrock", invocation({"inputText": "hi"}, {"embedding": [0.1]}))
    assert (embedded["kind"], embedded["input_value"]) == ("embedding", "hi")
    away = invocation(None, None) | {"input": {"inputBodyS3Path": "s3://b/k"}, "output": {}}
    with imported(tmp_path, lines(tmp_path / "a.jsonl", away)) as done:
        assert done.report.notes["content elsewhere (S3)"] == 1
        assert done.row("SELECT flags FROM spans")["flags"] == "content_elsewhere"


def chunk(number: int, asked: str, **more: Any) -> dict[str, Any]:
    time = "2026-11-20T10:00:00Z"
    return {"CorrelationId": "c", "SequenceNumber": number, "TimeGenerated": time, "RequestMessages": asked} | more


QUESTION = json.dumps([{"role": "user", "content": "hi" * 20}])
PIECES = [chunk(0, QUESTION[:30]), chunk(1, QUESTION[30:40], PromptTokens=3), chunk(2, QUESTION[40:])]


def call_of(*pieces: dict[str, Any]) -> dict[str, Any]:
    (item,) = gather(ImportItem(place, piece) for place, piece in enumerate(pieces, 1))
    return span("azure-apim", item.record)


def test_azure_pieces_come_together_in_any_order() -> None:
    assert texts(call_of(*PIECES)["input_messages"]) == [("user", "hi" * 20)]
    assert call_of(*PIECES[::-1]) == call_of(*PIECES, PIECES[1]) == call_of(*PIECES)
    assert call_of(*PIECES)["flags"] is None
    nested = [
        {"time": p["TimeGenerated"], "properties": {k[0].lower() + k[1:]: v for k, v in p.items()}} for p in PIECES
    ]
    assert texts(call_of(*nested)["input_messages"]) == [("user", "hi" * 20)]


@pytest.mark.parametrize("kept", [(0, 1), (0, 2), (0,)])
def test_an_azure_call_with_a_missing_piece_is_kept_and_flagged(kept: tuple[int, ...]) -> None:
    assert call_of(*(PIECES[at] for at in kept))["flags"] == "truncated"
