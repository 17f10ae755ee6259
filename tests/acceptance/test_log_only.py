"""Telemetry that comes as log records only: calls, questions and tools without a span."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.store.opening import Store
from tests.acceptance.reports import RECEIVED_US, told

Row = dict[str, Any]
SCOPE = "com.anthropic.claude_code.events"
AT_NS = (RECEIVED_US - 60_000_000) * 1000
TRACE, SPAN = "a1" * 16, "b2" * 8
DETAILS = {
    "event.name": "gen_ai.client.inference.operation.details",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m-1",
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Aye."}]}]',
}


def value(of: Any) -> Row:
    if isinstance(of, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": value(item)} for key, item in of.items()]}}
    return {"intValue": str(of)} if isinstance(of, int) else {"stringValue": of}


def record(attributes: Row, *, at_s: float = 0, body: Any = "", **fields: Any) -> Row:
    pairs = [{"key": key, "value": value(of)} for key, of in attributes.items()]
    return {"timeUnixNano": str(AT_NS + int(at_s * 1e9)), "body": value(body), "attributes": pairs} | fields


def logs(*records: Row, scope: str = SCOPE, app: str = "desk") -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": app}}]}
    scoped = {"scope": {"name": scope}, "logRecords": list(records)}
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [scoped]}]}).encode()


def spans(attributes: Row) -> bytes:
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "chat",
        "startTimeUnixNano": str(AT_NS),
        "endTimeUnixNano": str(AT_NS + 1),
        "attributes": [{"key": key, "value": value(of)} for key, of in attributes.items()],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


@contextmanager
def rows(folder: Path, *bodies: tuple[str, bytes]) -> Iterator[Store]:
    with told(folder, *bodies) as store:
        yield store


def asked(turn: str, at_s: float) -> Row:
    return record(
        {"event.name": "user_prompt", "prompt.id": turn, "prompt": f"Do {turn}"},
        at_s=at_s,
        body="claude_code.user_prompt",
    )


def answered(turn: str, at_s: float, **told: Any) -> Row:
    facts = {"event.name": "api_request", "prompt.id": turn, "model": "m-1", "input_tokens": 5, "output_tokens": 2}
    return record(facts | told, at_s=at_s, body="claude_code.api_request")


def test_each_question_of_a_session_is_a_turn_with_its_calls(tmp_path: Path) -> None:
    body = logs(asked("p1", 0), answered("p1", 1), answered("p1", 2), asked("p2", 3), answered("p2", 4))
    with rows(tmp_path, ("logs", body)) as store:
        turns = store.read("SELECT input_text, n_calls, output_tokens FROM turns ORDER BY time").to_pylist()
    assert turns == [
        {"input_text": "Do p1", "n_calls": 2, "output_tokens": 4},
        {"input_text": "Do p2", "n_calls": 1, "output_tokens": 2},
    ]


def test_what_is_sent_again_is_counted_once(tmp_path: Path) -> None:
    whole = logs(asked("p1", 0), answered("p1", 1))
    with rows(tmp_path, ("logs", whole), ("logs", logs(answered("p1", 1))), ("logs", whole)) as store:
        assert store.read("SELECT count(*) AS n FROM calls").to_pylist() == [{"n": 1}]
        ledger = store.read("SELECT sum(received) AS r, sum(stored) AS s, sum(duplicate) AS d FROM ledger").to_pylist()
    assert ledger == [{"r": 5, "s": 2, "d": 3}]


def test_a_call_begins_before_its_record(tmp_path: Path) -> None:
    with rows(tmp_path, ("logs", logs(answered("p1", 10, duration_ms=2500)))) as store:
        (call,) = store.read("SELECT epoch_us(time) AS at, duration_ms FROM calls").to_pylist()
    assert (call["at"], call["duration_ms"]) == (AT_NS // 1000 + 7_500_000, 2500)


def test_keys_of_a_coding_agent_mean_nothing_elsewhere(tmp_path: Path) -> None:
    with rows(tmp_path, ("logs", logs(answered("p1", 1), scope="somebody.else"))) as store:
        assert store.read("SELECT count(*) AS n FROM calls").to_pylist() == [{"n": 0}]


def test_details_without_their_span_are_the_call(tmp_path: Path) -> None:
    body = logs(record(DETAILS, traceId=TRACE, spanId=SPAN), record(DETAILS, at_s=1), scope="any")
    with rows(tmp_path, ("logs", body)) as store:
        calls = store.read("SELECT input_tokens, output_text, usage_source FROM calls").to_pylist()
    assert calls == [{"input_tokens": 7, "output_text": "Aye.", "usage_source": "provider"}] * 2


@pytest.mark.parametrize("of_span", [{"traceId": TRACE, "spanId": SPAN}, {}])
@pytest.mark.parametrize("key", ["openai.response.system_fingerprint", "gen_ai.openai.response.system_fingerprint"])
def test_details_say_by_what_the_call_was_served(tmp_path: Path, of_span: Row, key: str) -> None:
    """With the id of a span that never comes, or without any."""
    with rows(tmp_path, ("logs", logs(record(DETAILS | {key: "fp_b"}, **of_span), scope="any"))) as store:
        assert store.read("SELECT fingerprint FROM calls").to_pylist() == [{"fingerprint": "fp_b"}]


def test_the_span_of_details_takes_their_place_when_it_comes(tmp_path: Path) -> None:
    facts = {key: of for key, of in DETAILS.items() if key.startswith("gen_ai.") and "messages" not in key}
    with rows(tmp_path, ("logs", logs(record(DETAILS, traceId=TRACE, spanId=SPAN), scope="any"))) as store:
        assert store.read("SELECT count(*) AS n FROM calls").to_pylist() == [{"n": 1}]
    with rows(tmp_path, ("traces", spans(facts))) as store:
        calls = store.read("SELECT span_id, output_text FROM calls").to_pylist()
        turns = store.read("SELECT n_calls FROM turns").to_pylist()
    assert (calls, turns) == ([{"span_id": SPAN, "output_text": "Aye."}], [{"n_calls": 1}])


def test_both_sides_in_a_body_are_the_texts_of_the_call(tmp_path: Path) -> None:
    sides = {
        "input": {"messages": '[{"role": "user", "content": "Hi?"}]'},
        "output": {"messages": '[{"role": "assistant", "content": "Ho."}]'},
    }
    body = logs(record({"event.name": "any.tracer"}, body=sides, traceId=TRACE, spanId=SPAN), scope="any.tracer")
    with rows(
        tmp_path, ("logs", body), ("traces", spans({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1"}))
    ) as store:
        assert store.read("SELECT input_text, output_text FROM calls").to_pylist() == [
            {"input_text": "Hi?", "output_text": "Ho."}
        ]
