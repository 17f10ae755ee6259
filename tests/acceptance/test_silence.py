"""A source that sends and is not heard says so, with the rule that mends it; the rule, pasted, makes calls of what is sent."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_logs, decode_traces
from collectors.dialects.own import table_with
from monitor.diagnosis.gather import sources
from monitor.store.opening import Store
from tests.acceptance.reports import NOW, RECEIVED_US, reported, told
from tests.acceptance.test_log_only import AT_NS, SPAN, TRACE, logs, record, value
from tests.support.shared import needs_shared

Row = dict[str, Any]
LOGGED = {
    "event.name": "acme.done",
    "acme.model_name": "m-9",
    "acme.question_text": "Where do we moor when it blows from the north?",
    "acme.reply_text": "Behind the long pier, on the lee side of it.",
    "acme.tokens.prompt": 31,
    "acme.tokens.generated": 12,
    "acme.chat_id": "c-1",
    "acme.cost_usd": "0.02",
}
SPANNED = {
    "inference/engine": "m-9",
    "inference/promptText": "Where do we moor when it blows from the north?",
    "inference/answerText": "Behind the long pier, on the lee side of it.",
    "inference/promptTokens": 31,
    "inference/answerTokens": 12,
}


def spans(attributes: Row, name: str = "ask", scope: str = "acme.llm") -> bytes:
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": name,
        "startTimeUnixNano": str(AT_NS),
        "endTimeUnixNano": str(AT_NS + 1_000_000),
        "attributes": [{"key": key, "value": value(of)} for key, of in attributes.items()],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]}
    scoped = {"scope": {"name": scope}, "spans": [span]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}).encode()


def source_of(store: Store) -> Row:
    (found,) = sources(store, {}, NOW + timedelta(minutes=1))["sources"]
    return dict(found)


def problem(store: Store, code: str) -> Row | None:
    return next((one for one in source_of(store)["problems"] if one["code"] == code), None)


@pytest.mark.parametrize(
    ("signal", "body", "state", "words"),
    [
        ("logs", logs(record(LOGGED), record(LOGGED, at_s=1), scope="acme.llm"), "bad", "2 log records from acme.llm"),
        ("traces", spans(SPANNED), "warn", "1 spans from acme.llm"),
    ],
)
def test_who_is_not_heard_is_told_with_a_rule_that_works(
    signal: str, body: bytes, state: str, words: str, tmp_path: Path
) -> None:
    with told(tmp_path / "before", (signal, body)) as store:
        assert source_of(store)["state"] == state
        found = problem(store, "not-understood")
        ledger = store.read("SELECT * FROM not_understood").to_pylist()
    assert found is not None
    assert words in found["what"]
    assert "none understood; keys seen: " in found["what"]
    assert ledger[0]["scope"] == "acme.llm"
    rules = tmp_path / "acme.yaml"
    rules.write_text("\n".join(found["fix"]["lines"]))
    batch = Batch()
    (decode_logs if signal == "logs" else decode_traces)(body, "json", batch, RECEIVED_US, table_with(rules))
    row, content = batch.dicts("spans")[0], batch.dicts("content")[0]
    assert (row["kind"], row["request_model"], row["input_tokens"], row["output_tokens"]) == ("llm", "m-9", 31, 12)
    assert "long pier" in content["output_messages"]
    assert "Where do we moor" in content["input_messages"]


def test_values_are_nowhere_in_what_is_told_of_a_stranger(tmp_path: Path) -> None:
    with told(tmp_path, ("logs", logs(record(LOGGED), scope="acme.llm"))) as store:
        assert "pier" not in json.dumps(store.read("SELECT * FROM not_understood").to_pylist(), default=str)


def test_plain_telemetry_and_a_source_with_calls_are_no_strangers(tmp_path: Path) -> None:
    web = {
        "http.method": "GET",
        "user_agent.original": "Mozilla 5.0 of a person with a long name",
        "db.statement": "SELECT a FROM b",
    }
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "gen_ai.usage.output_tokens": 3}
    with told(tmp_path / "web", ("traces", spans(web))) as store:
        assert problem(store, "not-understood") is None
    with told(tmp_path / "call", ("traces", spans(call)), ("logs", logs(record({"x": "a b c d e f"})))) as store:
        assert problem(store, "not-understood") is None


@needs_shared
def test_ids_in_base64_are_called_so(tmp_path: Path) -> None:
    with reported("json-base64-ids", tmp_path) as store:
        found = source_of(store)
    assert found["state"] == "bad"
    assert "base64, not hex" in found["problems"][0]["what"]


def test_texts_that_nobody_reads_are_told_apart_from_texts_that_are_off(tmp_path: Path) -> None:
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "gen_ai.usage.output_tokens": 3}
    hidden = {"acme.said.answer": "Behind the long pier, on the lee side of it."}
    with told(tmp_path / "off", ("traces", spans(call))) as store:
        assert problem(store, "unread-texts") is None
        off = problem(store, "no-texts")
    assert off is not None
    assert off["fix"]["do"].startswith("We do not know the switch of acme.llm")
    with told(tmp_path / "unread", ("traces", spans(call | hidden))) as store:
        assert problem(store, "no-texts") is None
        found = problem(store, "unread-texts")
    assert found is not None
    assert "1 calls of acme.llm hold some in acme.said.answer" in found["what"]
    rules = tmp_path / "acme.yaml"
    rules.write_text("\n".join(found["fix"]["lines"]))
    batch = Batch()
    decode_traces(spans(call | hidden), "json", batch, RECEIVED_US, table_with(rules))
    assert "long pier" in batch.dicts("content")[0]["output_messages"]


@needs_shared
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("notext-sk", "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE=true"),
        ("notext-meai", "EnableSensitiveData = true"),
        ("notext-quarkus", "quarkus.langchain4j.tracing.include-prompt=true"),
        ("notext-spring", "spring.ai.chat.observations.log-prompt=true"),
        ("notext-strands", "OTEL_LOGS_EXPORTER=otlp"),
        ("notext-logfire", "include_content=True"),
    ],
)
def test_advice_names_the_switch_of_the_framework(name: str, advice: str, tmp_path: Path) -> None:
    with reported(name, tmp_path) as store:
        found = problem(store, "no-texts")
    assert found is not None
    assert advice in "\n".join(found["fix"]["lines"])
    assert name == "notext-strands" or "OTEL_" not in found["fix"]["do"]
