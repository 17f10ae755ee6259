"""Spans as people hold them in their hands, and transcripts: lines that three tools and a coding agent write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.reports import REPORTS
from tests.importers.importing import imported
from tests.support.shared import needs_shared

Row = dict[str, Any]
TRACE, SPAN, PARENT = "57c0c455d8387d98c1c911b2508f888b", "5352f140a4a7d0ae", "a78c4808329e8fc4"
SAID = [{"role": "assistant", "parts": [{"type": "text", "content": "Aye."}]}]
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m-1",
    "gen_ai.usage.output_tokens": 3,
    "session.id": "s-1",
}
CLOUDWATCH = {
    "resource": {"attributes": {"service.name": "cw", "deployment.environment.name": "prod"}},
    "scope": {"name": "strands.telemetry.tracer", "version": "1"},
    "traceId": TRACE,
    "spanId": SPAN,
    "parentSpanId": PARENT,
    "name": "chat",
    "kind": "CLIENT",
    "startTimeUnixNano": 1795821976000000000,
    "endTimeUnixNano": 1795821978000000000,
    "attributes": CHAT | {"gen_ai.output.messages": SAID},
    "status": {"code": "ERROR", "message": "throttled"},
    "events": [
        {"name": "exception", "timeUnixNano": 1795821977000000000, "attributes": {"exception.type": "Throttled"}}
    ],
}
PYTHON = {
    "name": "chat m-1",
    "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{SPAN}", "trace_state": "[]"},
    "kind": "SpanKind.CLIENT",
    "parent_id": f"0x{PARENT}",
    "start_time": "2026-11-20T22:00:00.000000Z",
    "end_time": "2026-11-20T22:00:02.000000Z",
    "status": {"status_code": "ERROR", "description": "throttled"},
    "attributes": CHAT | {"gen_ai.output.messages": json.dumps(SAID)},
    "events": [
        {"name": "exception", "timestamp": "2026-11-20T22:00:01Z", "attributes": {"exception.type": "Throttled"}}
    ],
    "resource": {"attributes": {"service.name": "cw", "deployment.environment.name": "prod"}, "schema_url": ""},
}
MESSAGE = {"message": {"role": "assistant", "content": "Aye."}}
PHOENIX = {
    "name": "ChatCompletion",
    "span_kind": "LLM",
    "parent_id": PARENT,
    "start_time": "2026-11-20T22:00:00+00:00",
    "end_time": "2026-11-20T22:00:02+00:00",
    "status_code": "ERROR",
    "status_message": "throttled",
    "context": {"trace_id": TRACE, "span_id": SPAN},
    "attributes": {
        "llm": {"model_name": "m-1", "token_count": {"completion": 3}, "output_messages": [MESSAGE]},
        "session": {"id": "s-1"},
        "openinference": {"span": {"kind": "LLM"}},
    },
    "events": [
        {"name": "exception", "timestamp": "2026-11-20T22:00:01+00:00", "attributes": {"exception.type": "Throttled"}}
    ],
}
TABLE = {
    **{key: value for key, value in PHOENIX.items() if key not in {"context", "attributes", "events"}},
    "context.trace_id": TRACE,
    "context.span_id": SPAN,
    "attributes.llm.model_name": "m-1",
    "attributes.llm.token_count.completion": 3,
    "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": "Aye."}],
    "attributes.session.id": "s-1",
    "events": json.dumps(PHOENIX["events"]),
}
SHAPES = {
    "cloudwatch": ("cloudwatch-spans", CLOUDWATCH),
    "insights": ("cloudwatch-spans", {"@timestamp": "2026-11-20", "@message": json.dumps(CLOUDWATCH)}),
    "python": ("python-spans", PYTHON),
    "phoenix": ("phoenix-spans", PHOENIX),
    "phoenix as a table": ("phoenix-spans", TABLE),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_line_is_the_span_it_was(name: str, tmp_path: Path) -> None:
    format_, record = SHAPES[name]
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(record) + "\n")
    with imported(tmp_path / "store", path, app="cw") as done:
        assert (dict(done.report.formats), done.report.refused) == ({format_: 1}, 0)
        call = done.row("SELECT * FROM calls")
        span = done.row("SELECT parent_id, scope, dialect FROM spans")
    assert (call["trace_id"], call["span_id"], span["parent_id"]) == (TRACE, SPAN, PARENT)
    assert (call["app"], call["output_tokens"], call["output_text"], call["session_id"]) == ("cw", 3, "Aye.", "s-1")
    assert (call["error_type"], call["error_message"], call["duration_ms"]) == ("Throttled", "throttled", 2000)


def test_a_span_without_ids_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(PYTHON | {"context": {"trace_id": "0x12", "span_id": "0x1"}}) + "\n")
    with imported(tmp_path / "store", path) as done:
        assert done.report.refused == 1
        assert "trace id is zero or not 16 bytes" in done.complaints[0]


def line(kind: str, uuid: str, second: int, content: Any, **message: Any) -> Row:
    role = {"role": kind, "content": content} | message
    return {
        "type": kind,
        "sessionId": "s1",
        "uuid": uuid,
        "timestamp": f"2026-11-20T22:00:{second:02}Z",
        "message": role,
    }


ANSWER: Row = {
    "id": "msg_1",
    "model": "claude-sonnet-4-5",
    "usage": {"input_tokens": 4, "cache_read_input_tokens": 900, "output_tokens": 3},
}
TRANSCRIPT = [
    line("user", "u1", 0, "Rename it"),
    line("assistant", "u2", 3, [{"type": "text", "text": "On it."}], **ANSWER),
    line("assistant", "u3", 3, [{"type": "tool_use", "id": "t1", "name": "Edit", "input": {"file": "a.py"}}], **ANSWER),
    line("user", "u4", 4, [{"type": "tool_result", "tool_use_id": "t1", "content": "done"}]),
    line("assistant", "u5", 6, [{"type": "text", "text": "Renamed."}], **ANSWER | {"id": "msg_2"}),
    line("user", "u6", 9, "Thanks"),
]


def test_a_transcript_makes_turns_calls_and_tools(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in TRANSCRIPT))
    with imported(tmp_path / "store", path) as done:
        calls = done.rows(
            "SELECT input_text, output_text, input_tokens, cached_input_tokens, output_tokens FROM calls ORDER BY time"
        )
        tools = done.rows("SELECT name, arguments, result FROM tool_calls")
        turns = done.rows("SELECT input_text, output_text, n_calls, session_id FROM turns ORDER BY time")
    used = {"input_tokens": 904, "cached_input_tokens": 900, "output_tokens": 3, "input_text": "Rename it"}
    assert calls == [used | {"output_text": "On it."}, used | {"output_text": "Renamed."}]
    assert tools == [{"name": "Edit", "arguments": '{"file":"a.py"}', "result": "done"}]
    assert turns[0] == {"input_text": "Rename it", "output_text": "Renamed.", "n_calls": 2, "session_id": "s1"}


FILES = {
    "cloudwatch-aws-spans": {"output_tokens": 22, "session_id": "cw-sess", "app": "cw-agent"},
    "python-span-to-json": {"input_tokens": 5, "output_tokens": 2, "app": "pj"},
    "phoenix-spans": {"input_tokens": 9, "output_tokens": 3, "input_text": "hello", "output_text": "hi"},
    "claude-code-transcript": {
        "input_tokens": 904,
        "cached_input_tokens": 900,
        "input_text": "Rename it",
        "output_text": "Done.",
    },
    "collector-fileexporter-mixed": {
        "input_tokens": 300,
        "output_tokens": 90,
        "output_text": "Depth lines of the bay.",
    },
}


@needs_shared
def test_no_file_of_the_reports_is_forgotten() -> None:
    assert {path.stem for path in (REPORTS / "files").iterdir()} == FILES.keys()


@needs_shared
@pytest.mark.parametrize("name", FILES)
def test_what_people_hold_in_their_hands_is_imported(name: str, tmp_path: Path) -> None:
    with imported(tmp_path, REPORTS / "files" / f"{name}.jsonl") as done:
        assert done.complaints == []
        calls = done.rows("SELECT * FROM calls")
    assert FILES[name] in [{key: call[key] for key in FILES[name]} for call in calls]
    assert len(calls) == (2 if name == "collector-fileexporter-mixed" else 1)
