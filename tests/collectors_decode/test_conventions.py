"""The shapes that OpenTelemetry's own test cases of the GenAI conventions name, right and wrong ones, in words of ours.

The cases are described in github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/non-normative/tests/cases: one test
here for each file there, by its name. What the schema refuses must not cost the span, and what can be read of it is read.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_traces
from tests.collectors_decode.encoding import RECEIVED, request_of, span_of

INPUT, OUTPUT, SYSTEM = "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"
ARGUMENTS, RESULT = "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "depth"}
SEARCH = {"gen_ai.operation.name": "retrieval"}
MEMORY = {"gen_ai.operation.name": "search_memory"}


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


CASES: dict[str, tuple[dict[str, str], str, Any, str, tuple[str, ...]]] = {
    "input-messages-text-messages": (
        CHAT,
        INPUT,
        [{"role": "system", "parts": [text("Be a pilot.")]}, {"role": "user", "parts": [text("Which way?")]}],
        "input_messages",
        ("Which way?",),
    ),
    "input-messages-tool-call-round-trip": (
        CHAT,
        INPUT,
        [
            {"role": "user", "parts": [text("How deep?")]},
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c1", "name": "depth", "arguments": {"at": "bay"}}],
            },
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "nine metres"}]},
        ],
        "input_messages",
        ("How deep?", '"name":"depth"', '"at":"bay"', "nine metres"),
    ),
    "input-messages-generic-part": (
        CHAT,
        INPUT,
        [
            {
                "role": "user",
                "parts": [
                    text("Use the chart."),
                    {
                        "type": "generic",
                        "generic_type": "chart",
                        "title": "Bay",
                        "content": [{"type": "text", "text": "Lines"}],
                    },
                ],
            }
        ],
        "input_messages",
        ("Use the chart.", "generic", "Bay"),
    ),
    "input-messages-unknown-part-type": (
        CHAT,
        INPUT,
        [{"role": "user", "parts": [{"type": "chart", "source": "bay"}]}],
        "input_messages",
        ('"type":"chart"', "bay"),
    ),
    "input-messages-message-missing-required": (
        CHAT,
        INPUT,
        [{"parts": [text("No role")]}, {"role": "user"}],
        "input_messages",
        ("No role",),
    ),
    "input-messages-parts-missing-required": (
        CHAT,
        INPUT,
        [{"role": "user", "parts": [{"type": "text"}, {"type": "tool_call", "id": "c1"}, text("Still here")]}],
        "input_messages",
        ("Still here",),
    ),
    "output-messages-assistant-text": (
        CHAT,
        OUTPUT,
        [{"role": "assistant", "parts": [text("Go east.")], "finish_reason": "stop"}],
        "output_messages",
        ("Go east.", "stop"),
    ),
    "output-messages-reasoning-and-generic-parts": (
        CHAT,
        OUTPUT,
        [
            {
                "role": "assistant",
                "parts": [{"type": "reasoning", "content": "Short."}, {"type": "redacted_thinking", "data": "Em/w"}],
            }
        ],
        "output_messages",
        ("reasoning", "Short."),
    ),
    "output-messages-wrong-field-types": (
        CHAT,
        OUTPUT,
        [
            {"role": "assistant", "parts": [{"type": "generic", "generic_type": 123}], "finish_reason": 0},
            {"role": "assistant", "parts": text("oops")},
        ],
        "output_messages",
        ("generic", "oops"),
    ),
    "system-instructions-text-and-generic-parts": (
        CHAT,
        SYSTEM,
        [text("Be a pilot."), {"type": "generic", "generic_type": "cache_control", "cache_control": {"type": "short"}}],
        "system_text",
        ("Be a pilot.",),
    ),
    "system-instructions-unsupported-parts": (
        CHAT,
        SYSTEM,
        ["Be a pilot.", {"type": "tool_call", "name": "depth"}],
        "system_text",
        ("Be a pilot.",),
    ),
    "tool-call-arguments-object": (TOOL, ARGUMENTS, {"at": "bay"}, "input_value", ('"at":"bay"',)),
    "tool-call-arguments-not-an-object": (TOOL, ARGUMENTS, "bay", "input_value", ("bay",)),
    "tool-call-result-object": (TOOL, RESULT, {"depth": 9}, "output_value", ('"depth":9',)),
    "tool-call-result-not-an-object": (TOOL, RESULT, [{"depth": 9}], "output_value", ('"depth":9',)),
    "retrieval-documents-documents": (
        SEARCH,
        "gen_ai.retrieval.documents",
        [{"id": "doc-1", "score": 0.91, "title": "Chart"}, {"id": "doc-2"}, {}],
        "output_value",
        ("doc-1", "0.91", "Chart", "doc-2"),
    ),
    "retrieval-documents-wrong-field-types": (
        SEARCH,
        "gen_ai.retrieval.documents",
        [{"id": 7, "score": "high"}],
        "output_value",
        ("7", "high"),
    ),
    "memory-records-records": (
        MEMORY,
        "gen_ai.memory.records",
        [{"id": "m1", "content": "likes metres", "score": 0.8}, {"content": {"fact": "is a pilot"}}],
        "output_value",
        ("likes metres", "is a pilot"),
    ),
    "memory-records-missing-content": (MEMORY, "gen_ai.memory.records", [{"id": "m2"}], "output_value", ("m2",)),
}


@pytest.mark.parametrize("wire", ["structured", "json"])
@pytest.mark.parametrize("name", CASES)
def test_the_conventions_own_cases_decode(name: str, wire: str) -> None:
    beside, key, document, column, held = CASES[name]
    batch = Batch()
    sent = document if wire == "structured" else json.dumps(document)
    outcome = decode_traces(request_of(span_of({**beside, key: sent})).SerializeToString(), "protobuf", batch, RECEIVED)
    assert outcome.accepted == 1
    (content,) = batch.dicts("content")
    assert all(word in content[column] for word in held), content[column]


@pytest.mark.parametrize(
    ("name", "tools"),
    [
        (
            "tool-definitions-function-and-builtin-tools",
            [{"type": "function", "name": "depth"}, {"type": "web_search_1", "name": "search"}],
        ),
        (
            "tool-definitions-missing-required",
            [{"type": "function", "name": "depth"}, {"type": "function"}, {"name": "search"}],
        ),
    ],
)
def test_tools_on_offer_are_kept_by_name(name: str, tools: Any) -> None:
    batch = Batch()
    decode_traces(
        request_of(span_of({**CHAT, "gen_ai.tool.definitions": tools})).SerializeToString(), "protobuf", batch, RECEIVED
    )
    assert json.loads(batch.dicts("spans")[0]["attrs"])["tools"] == ["depth", "search"], name
