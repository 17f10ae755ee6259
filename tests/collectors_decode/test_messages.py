"""Messages of every shape become those of the OpenTelemetry conventions."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.decode.binary import without_blobs
from collectors.decode.loose_json import dump, load
from collectors.decode.messages import has_messages, messages_of, split_system

USER = {"role": "user", "parts": [{"type": "text", "content": "Q"}]}
ANSWER = {"role": "assistant", "parts": [{"type": "text", "content": "A"}]}
CALL = {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"x": 1}}


@pytest.mark.parametrize(
    "value",
    [
        "Q",
        ["Q"],
        [["user", "Q"]],
        [[{"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Q"}}]],
        {"messages": [{"type": "human", "data": {"content": "Q"}}]},
        [{"role": "user", "content": "Q"}],
        [{"role": "user", "content": [{"type": "input_text", "text": "Q"}]}],
        [{"role": "user", "parts": [{"type": "text", "content": "Q"}], "name": None}],
        [{"message": {"role": "user", "contents": [{"message_content": {"type": "text", "text": "Q"}}]}}],
        [{"update": {"messages": [{"role": "user", "content": "Q"}]}}],
    ],
)
def test_what_a_user_said(value: Any) -> None:
    assert messages_of(value, "user") == [USER]


@pytest.mark.parametrize(
    "value",
    [
        {"choices": [{"message": {"role": "assistant", "content": "A"}}]},
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "A"}]},
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]},
        {"generations": [[{"text": "A", "message": {"kwargs": {"content": "A"}}}]]},
        {"choices": [{"text": "A"}]},
        [{"role": "model", "parts": [{"text": "A"}]}],
    ],
)
def test_what_a_model_answered(value: Any) -> None:
    assert messages_of(value, "assistant") == [ANSWER]


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"x": 1}'}}]},
        {"tool_calls": [{"tool_call": {"id": "c1", "function": {"name": "find", "arguments": '{"x": 1}'}}}]},
        {"tool_calls": [{"id": "c1", "name": "find", "args": {"x": 1}}]},
        {"content": [{"type": "tool_use", "id": "c1", "name": "find", "input": {"x": 1}}]},
        {"parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"x": 1}}]},
        {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "find", "arguments": '{"x": 1}'},
        {
            "contents": [
                {
                    "message_content": {"type": "tool_use"},
                    "tool_call": {"id": "c1", "function": {"name": "find", "arguments": '{"x": 1}'}},
                }
            ],
            "tool_calls": [{"tool_call": {"id": "c1", "function": {"name": "find", "arguments": '{"x": 1}'}}}],
        },
    ],
)
def test_tool_calls(message: dict[str, Any]) -> None:
    assert messages_of([{"role": "assistant"} | message], "assistant") == [{"role": "assistant", "parts": [CALL]}]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "found"}]},
        {
            "role": "tool",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "found"}]}],
        },
        {"type": "function_call_output", "call_id": "c1", "output": "found"},
    ],
)
def test_tool_results(message: dict[str, Any]) -> None:
    (result,) = messages_of([message], "user")
    part = result["parts"][0]
    assert result["role"] == "tool"
    assert part["id"] in {"c1", None}
    assert part["result"] in (
        "found",
        [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "found"}]}],
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        [],
        {},
        [{}],
        [None],
        [{"role": "assistant"}],
        [{"role": "assistant", "content": None}],
        [{"role": "user", "parts": [{"type": "text"}]}],
        "",
    ],
)
def test_nothing_said_is_no_message(value: Any) -> None:
    assert messages_of(value, "user") == []


def test_system_prompts_are_taken_out() -> None:
    said = messages_of(
        [{"role": "developer", "content": "S1"}, {"role": "system", "content": "S2"}, {"role": "user", "content": "Q"}],
        "user",
    )
    assert split_system(said) == ("S1\nS2", [USER])


@pytest.mark.parametrize(
    "value", [{"question": "Q"}, ["a", "b"], "messages", [{"id": 1}], {"role": "admin"}, {"messages": "none"}]
)
def test_other_json_is_not_a_conversation(value: Any) -> None:
    assert not has_messages(value)


def test_reasoning_and_pictures() -> None:
    (message,) = messages_of(
        [
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "hm"}, {"type": "image", "source": {"data": "Q" * 900}}],
            }
        ],
        "user",
    )
    assert message["parts"] == [
        {"type": "reasoning", "content": "hm"},
        {"type": "image", "content": '{"source":{"data":"<data 675 bytes sha256:c3458ca7d60d>"}}'},
    ]


def test_data_uris_are_replaced_inside_text() -> None:
    assert without_blobs("see data:image/png;base64,QUJDREVG now") == "see <image/png 6 bytes sha256:e9c0f8b575cb> now"
    assert without_blobs("data: none") == "data: none"


@pytest.mark.parametrize(
    ("text", "value", "truncated"),
    [
        ('{"a": [1, 2', {"a": [1, 2]}, True),
        ('{"a": "x\\u00', {"a": "x"}, True),
        ('[{"a": tru', [{"a": None}], True),
        ('{"a": NaN}', None, False),
        ('{"a": "\\ud800"}', {"a": "�"}, False),
        ("{a: 1}", "{a: 1}", False),
        ("[Note] hi", "[Note] hi", False),
        ('["a"] and more', '["a"] and more', False),
        ('"quoted"', "quoted", False),
        ("plain", "plain", False),
        ("[", "[", False),
    ],
)
def test_loose_json(text: str, value: Any, *, truncated: bool) -> None:
    parsed = load(text)
    assert parsed.truncated == truncated
    if value is not None:
        assert parsed.value == value
    dump(parsed.value)
