"""The fourteen traps of `reference/otel.md` 3c, one test each, on bodies of our own making; captured ones are in test_fixtures."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.batch import AT, Batch
from collectors.decode import decode_logs, decode_traces, propagate
from collectors.frames import to_tables
from monitor.clock import FakeClock
from monitor.spool_writer import SpoolWriter
from monitor.store.finishing.finish import finish
from monitor.store.load import pump
from monitor.store.opening import Store
from tests.acceptance.fixtures import NOW, RECEIVED_US

Row = dict[str, Any]
TRACE, OTHER = "a1" * 16, "b2" * 16
START_NS = (RECEIVED_US - 3_600_000_000) * 1000
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini"}
USED = {"gen_ai.usage.input_tokens": 29, "gen_ai.usage.output_tokens": 14}
ASKED = {"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi?"}]}])}
SAID = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Hello."}]}])}
CLAUDE = CHAT | {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5"}


def value(of: Any) -> Row:
    if isinstance(of, bool):
        return {"boolValue": of}
    if isinstance(of, int):
        return {"intValue": str(of)}
    if isinstance(of, float):
        return {"doubleValue": of}
    if isinstance(of, list):
        return {"arrayValue": {"values": [value(item) for item in of]}}
    return {"stringValue": of}


def span(number: int, attributes: Row, *, at: int = 0, ms: int = 100, **fields: Any) -> Row:
    """A span `at` milliseconds into the story; `parent` and `scope` are numbers and names."""
    parent, scope = fields.pop("parent", None), fields.pop("scope", "opentelemetry.instrumentation.genai.openai")
    shown = {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": "span",
        "startTimeUnixNano": str(START_NS + at * 1_000_000),
        "endTimeUnixNano": str(START_NS + (at + ms) * 1_000_000),
        "attributes": [{"key": key, "value": value(of)} for key, of in attributes.items()],
    }
    return {"scope": {"name": scope}, "spans": [shown | fields]}


class Seen:
    """A store that takes bodies and answers questions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(folder, clock=FakeClock(NOW))

    def take(self, *spans: Row, logs: list[Row] | None = None) -> Seen:
        batch = Batch()
        body: Row = {"resourceSpans": [{"scopeSpans": list(spans)}]}
        decode_traces(json.dumps(body).encode(), "json", batch, RECEIVED_US)
        if logs:
            told = {"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}
            decode_logs(json.dumps(told).encode(), "json", batch, RECEIVED_US)
        propagate(batch)
        writer = SpoolWriter(self.folder / "spool")
        writer.append(to_tables(batch, None))
        writer.close()
        pump(self.store, self.folder / "spool")
        finish(self.store, NOW, timedelta(0), timedelta(0), flush=True)
        return self

    def rows(self, sql: str) -> list[Row]:
        found: list[Row] = self.store.read(sql).to_pylist()
        return found

    def call(self) -> Row:
        (found,) = self.rows("SELECT * FROM calls")
        return found


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path)


@pytest.mark.parametrize("trace", [TRACE, OTHER])
def test_trap_1_one_call_two_spans(seen: Seen, trace: str) -> None:
    identified = CLAUDE | USED | {"gen_ai.response.id": "msg_1"}
    native = span(2, identified, at=2, ms=90, parent=1 if trace == TRACE else None, scope="com.anthropic.sdk.python")
    native["spans"][0]["traceId"] = trace
    seen.take(native)
    seen.take(span(1, identified | ASKED | SAID, scope="opentelemetry.instrumentation.anthropic"))
    assert (seen.call()["output_text"], seen.call()["input_tokens"]) == ("Hello.", 29)
    assert [turn["n_calls"] for turn in seen.rows("SELECT n_calls FROM turns")] == [1]


def test_trap_1_sums_of_agents_and_outer_spans_are_not_calls(seen: Seen) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o-mini"}
    seen.take(span(1, agent | USED), span(2, CHAT | USED, at=5, ms=50, parent=1))
    assert seen.rows("SELECT n_calls, input_tokens FROM turns") == [{"n_calls": 1, "input_tokens": 29}]


@pytest.mark.parametrize("late", [False, True])
def test_trap_2_what_a_stream_said_comes_as_a_second_span(seen: Seen, late: bool) -> None:
    scope, kind = "logfire.openai", "logfire.span_type"
    ends = [span(9, CHAT | ASKED | SAID | USED | {kind: "log"}, at=n, ms=0, scope=scope) for n in (150, 160)]
    for number, end in enumerate(ends):
        end["spans"][0] |= {"traceId": f"{number + 1:032x}"}
    calls = [span(n, CHAT | ASKED | {kind: "span"}, at=n, ms=40, scope=scope) for n in (1, 2)]
    for part in (calls, ends) if late else (ends, calls):
        seen.take(*part)
    told = seen.rows("SELECT trace_id, output_text, output_tokens, stream FROM calls")
    assert told == [{"trace_id": TRACE, "output_text": "Hello.", "output_tokens": 14, "stream": True}] * 2
    assert seen.rows("SELECT trace_id, n_calls FROM turns") == [{"trace_id": TRACE, "n_calls": 2}]


def test_trap_3_a_scrubbed_session_is_missing(seen: Seen) -> None:
    seen.take(span(1, CHAT | {"session_id": "[Scrubbed due to 'session']", "user_id": "u-1"}, scope="logfire.openai"))
    assert (seen.call()["session_id"], seen.call()["user_id"]) == (None, "u-1")


@pytest.mark.parametrize(
    ("scope", "attributes", "source"),
    [
        ("opentelemetry.instrumentation.genai.openai", {"gen_ai.request.stream": True}, "none"),
        ("opentelemetry.instrumentation.genai.openai", {"gen_ai.request.stream": True} | USED, "provider"),
        ("openlit.instrumentation.openai", {"gen_ai.request.stream": True} | USED, "estimated"),
        (
            "openlit.instrumentation.openai",
            {"gen_ai.request.stream": True, "gen_ai.usage.cache_read.input_tokens": 0} | USED,
            "provider",
        ),
        ("openlit.instrumentation.openai", {"gen_ai.request.stream": False} | USED, "provider"),
        ("@traceloop/instrumentation-openai", {"gen_ai.request.stream": True} | USED, "estimated"),
    ],
)
def test_trap_4_where_the_usage_of_a_stream_comes_from(seen: Seen, scope: str, attributes: Row, source: str) -> None:
    seen.take(span(1, CHAT | attributes, scope=scope))
    assert seen.call()["usage_source"] == source


def test_trap_5_a_failed_call_keeps_what_is_told(seen: Seen) -> None:
    status = {"code": 2, "message": "Error code: 429 - slow down"}
    seen.take(span(1, CHAT | {"error.type": "RateLimitError"}, status=status))
    call = seen.call()
    assert (call["error_type"], call["error_message"]) == ("RateLimitError", "Error code: 429 - slow down")
    assert (call["input_text"], call["output_text"], call["usage_source"]) == (None, None, "none")


def test_trap_6_an_abandoned_stream_is_a_call_without_an_answer(seen: Seen) -> None:
    seen.take(span(1, CHAT | ASKED | {"gen_ai.request.stream": True}, endTimeUnixNano="0"))
    call = seen.call()
    assert (call["input_text"], call["output_text"], call["output_tokens"]) == ("Hi?", None, None)
    assert call["duration_ms"] is None


def test_trap_7_traffic_without_telemetry_is_no_zero(seen: Seen) -> None:
    seen.take(span(1, {"http.route": "/chat"}))
    assert seen.rows("SELECT * FROM calls") == []
    assert seen.rows("SELECT * FROM turns") == []


@pytest.mark.parametrize("hidden", [{}, {"input.value": "__REDACTED__", "output.value": "__REDACTED__"}])
def test_trap_8_content_that_is_off_is_unknown(seen: Seen, hidden: Row) -> None:
    seen.take(span(1, CHAT | USED | hidden))
    assert (seen.call()["input_text"], seen.call()["output_text"]) == (None, None)
    assert seen.rows("SELECT count(*) AS n FROM base.content") == [{"n": 0}]


def test_trap_9_several_choices_are_one_call_and_pictures_are_not_text(seen: Seen) -> None:
    choices = [{"role": "assistant", "parts": [{"type": "text", "content": text}]} for text in ("One.", "Two.")]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 400}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}]
    seen.take(
        span(
            1, CHAT | USED | {"gen_ai.input.messages": json.dumps(asked), "gen_ai.output.messages": json.dumps(choices)}
        )
    )
    call = seen.call()
    assert (call["output_text"], call["output_tokens"], call["input_text"]) == ("One.", 14, "What is this?")
    assert "QUJDQUJD" not in call["input_messages"]


def test_trap_10_long_and_strange_texts_come_through(seen: Seen) -> None:
    text = "Fais un résumé \u202e東京 ☀️ 👩‍👩‍👧 \x00 end " + "lorem ipsum " * 2000
    seen.take(span(1, CHAT | {"gen_ai.input.messages": json.dumps([{"role": "user", "content": text}])}))
    assert seen.call()["input_text"].replace("\x00", "") == text.replace("\x00", "")


@pytest.mark.parametrize("sent", ["A", '"A"', ["A"]])
def test_trap_11_metadata_of_every_type(seen: Seen, sent: Any) -> None:
    metadata = json.dumps({"variant": sent if isinstance(sent, str) else sent[0], "user_id": 7})
    seen.take(span(1, CHAT | {"metadata": metadata, "langfuse.trace.metadata.session_id": '"s-1"'}))
    call = seen.call()
    assert (call["variant"], call["user_id"], call["session_id"]) == ("A", "7", "s-1")


@pytest.mark.parametrize(
    ("scope", "told", "kept"),
    [
        ("openlit.instrumentation.anthropic", 978, 1042),
        ("opentelemetry.instrumentation.genai.anthropic", 1042, 1042),
        ("opentelemetry.instrumentation.genai.anthropic", 3, 67),
    ],
)
def test_trap_12_input_tokens_include_cached_ones(seen: Seen, scope: str, told: int, kept: int) -> None:
    cached = {"gen_ai.usage.cache_read.input_tokens": 48, "gen_ai.usage.cache_creation.input_tokens": 16}
    seen.take(
        span(1, CLAUDE | {"gen_ai.usage.input_tokens": told, "gen_ai.usage.output_tokens": 5} | cached, scope=scope)
    )
    assert (seen.call()["input_tokens"], seen.call()["cached_input_tokens"]) == (kept, 48)


def test_trap_13_a_media_reference_of_langfuse_is_not_text(seen: Seen) -> None:
    reference = "@@@langfuseMedia:type=image/png|id=abc|source=base64_data_uri@@@"
    asked = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": reference}}],
        }
    ]
    attributes = {"langfuse.observation.type": "generation", "langfuse.observation.input": json.dumps(asked)}
    seen.take(span(1, attributes, scope="langfuse-sdk"))
    assert seen.call()["input_text"] == "Look."


def test_trap_14_a_chain_that_repeats_its_messages_is_one_turn(seen: Seen) -> None:
    history = {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}
    chain = {"openinference.span.kind": "CHAIN", "input.value": json.dumps({"messages": history["messages"][:1]})}
    chain |= {"output.value": json.dumps(history)}
    seen.take(
        span(1, chain), span(2, chain, at=1, parent=1), span(3, CHAT | USED | ASKED | SAID, at=2, ms=50, parent=2)
    )
    wanted = {"n_calls": 1, "input_tokens": 29, "input_text": "Hi?", "output_text": "Hello."}
    assert [{name: turn[name] for name in wanted} for turn in seen.rows("SELECT * FROM turns")] == [wanted]


def test_trap_14_an_agent_that_is_only_created_is_no_turn(seen: Seen) -> None:
    seen.take(span(1, {"gen_ai.operation.name": "create_agent", "gen_ai.agent.name": "support"}))
    assert seen.rows("SELECT * FROM turns") == []


def record(name: str, body: str, hours: float) -> Row:
    at = {"timeUnixNano": str(START_NS + int(hours * 3.6e12)), "traceId": TRACE, "spanId": f"{1:016x}"}
    fields = [{"key": "content", "value": {"stringValue": body}}]
    return at | {"eventName": name, "body": {"kvlistValue": {"values": fields}}}


@pytest.mark.parametrize("hours", [0, 0.5, 23])
@pytest.mark.parametrize("first", ["span", "log"])
def test_logs_join_their_span_in_either_order_and_late(seen: Seen, first: str, hours: float) -> None:
    logs = [record("gen_ai.user.message", "Hi?", hours), record("gen_ai.choice", "Hello.", hours)]
    steps: list[Callable[[], Seen]] = [lambda: seen.take(span(1, CHAT | USED)), lambda: seen.take(logs=logs)]
    for step in steps if first == "span" else steps[::-1]:
        step()
    assert (seen.call()["input_text"], seen.call()["output_text"]) == ("Hi?", "Hello.")


def test_json_that_was_cut_is_read_as_far_as_it_goes_and_flagged(seen: Seen) -> None:
    whole = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "A question that goes on"}]}])
    seen.take(span(1, CHAT | {"gen_ai.input.messages": whole[:-12]}))
    assert "A question that" in seen.call()["input_text"]
    assert "truncated" in seen.rows("SELECT flags FROM spans")[0]["flags"]


def kinds_of_failures(attributes: Row, **fields: Any) -> list[str]:
    body = {"resourceSpans": [{"scopeSpans": [span(1, attributes, scope="a.sender", **fields)]}]}
    batch = Batch()
    decode_traces(json.dumps(body).encode(), "json", batch, RECEIVED_US)
    return [row[AT["spans"]["kind"]] for row in batch.rows["spans"]]


FAILS = {"status": {"code": 2}}


@pytest.mark.parametrize(
    ("beside", "fields", "kind"),
    [
        ({}, FAILS, "llm"),
        ({"http.response.status_code": 429}, FAILS, "llm"),
        ({}, {"kind": 3}, "llm"),
        ({}, {"kind": "SPAN_KIND_CLIENT"}, "llm"),
        ({"gen_ai.usage.input_tokens": 4}, {}, "llm"),
        ({"gen_ai.prompt": "Hi?"}, {}, "llm"),
        ({}, {}, "other"),
        ({}, {"kind": 2} | FAILS, "other"),
        ({"http.route": "/chat"}, FAILS, "other"),
        ({"db.system": "postgresql"}, {"kind": 3} | FAILS, "other"),
        ({"url.full": "https://api/v1"}, {"kind": 3}, "other"),
        ({}, {"name": "auth /v1/chat/completions"} | FAILS, "other"),
        ({"gen_ai.tool.name": "search"}, FAILS, "other"),
        ({"gen_ai.operation.name": "execute_something"}, FAILS, "other"),
        ({"gen_ai.request.model": "bge-reranker-v2", "gen_ai.operation.name": "chat"}, {}, "other"),
        ({"gen_ai.request.model": "amazon.titan-embed-text-v2:0", "gen_ai.operation.name": "chat"}, {}, "embedding"),
        ({"gen_ai.request.model": "gpt-4o-mini-tts"}, FAILS, "other"),
    ],
)
def test_a_call_needs_no_operation(beside: Row, fields: Row, kind: str) -> None:
    """Senders that die before the answer tell the model and the error only; servers, databases and tools are still no calls."""
    assert kinds_of_failures({"gen_ai.request.model": "gpt-4o-mini"} | beside, **fields) == [kind]


def test_two_spans_of_one_call_lose_nothing(seen: Seen) -> None:
    """The texts are on one span, tokens, cost and first token on others below it: three layers, one call."""
    server = {"gen_ai.response.model": "m-2", "gen_ai.latency.time_to_first_token": 0.05} | USED
    seen.take(
        span(1, CHAT | ASKED | SAID | {"session.id": "s1"}, scope="a.framework"),
        span(2, CHAT | USED | {"gen_ai.usage.cost": 0.5}, at=5, ms=80, parent=1, scope="a.client"),
        span(3, server, at=10, ms=70, parent=2, scope="vllm.llm_engine"),
    )
    call = seen.call()
    assert (call["input_text"], call["input_tokens"], call["usage_source"]) == ("Hi?", 29, "provider")
    assert (call["cost_usd"], call["ttft_ms"], call["response_model"], call["session_id"]) == (0.5, 50.0, "m-2", "s1")


def test_an_agent_without_calls_is_the_call_until_one_arrives(seen: Seen) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o-mini"} | USED | ASKED | SAID
    seen.take(span(1, agent))
    assert (seen.call()["input_tokens"], seen.call()["usage_source"]) == (29, "provider")
    seen.take(span(2, CHAT | USED, at=5, ms=50, parent=1))
    assert seen.call()["span_id"] == f"{2:016x}"
    assert seen.rows("SELECT n_calls, input_text FROM turns") == [{"n_calls": 1, "input_text": "Hi?"}]


def test_an_agent_that_names_no_model_is_no_call(seen: Seen) -> None:
    seen.take(span(1, {"gen_ai.operation.name": "invoke_agent"} | ASKED | SAID))
    assert seen.rows("SELECT * FROM calls") == []


def test_what_a_tool_was_given_is_nobodys_question(seen: Seen) -> None:
    seen.take(
        span(1, {"gen_ai.operation.name": "invoke_agent"}),
        span(2, {"input": '{"city": "Paris"}', "output": "17 degrees"}, at=5, ms=50, parent=1),
    )
    assert [turn["input_text"] for turn in seen.rows("SELECT input_text FROM turns")] == [None]
