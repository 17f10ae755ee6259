"""Tools of turns as graders get them: from their spans in order, else from the messages of the last model call."""

from __future__ import annotations

import json
from typing import Any

from monitor.clock import FakeClock
from monitor.graders import grade_turns
from monitor.graders.grader import Tools
from monitor.model.values import ToolUse, Turn
from monitor.policy.load import given_policy
from monitor.store.tool_uses import with_tools
from monitor.store.turns import turns_at
from tests.store.rows import START, TRACE, Home, Row, a_call, a_span, frame, texts, us


def values(span_id: str, at: float, said: str | None, saw: str | None) -> Row:
    row = {"trace_id": TRACE, "span_id": span_id, "time": us(at), "origin": "span"}
    return row | {"input_value": said, "output_value": saw}


def read(home: Home, spans: list[Row], content: list[Row]) -> Turn:
    home.take(frame(spans=spans, content=content))
    home.finish()
    since = START.replace(tzinfo=None)
    [turn] = with_tools(home.store, turns_at(home.store, [1], since))
    return turn


def test_tools_come_in_the_order_of_their_spans(home: Home) -> None:
    spans = [
        a_call("c1", 3, attrs='{"tools": ["book", "look"]}'),
        a_span("t2", 2, kind="tool", tool_name="book"),
        a_span("t1", 1, kind="retriever", name="search"),
    ]
    content = [texts("c1", at=3), values("t1", 1, "lamps", "A lamp."), values("t2", 2, '{"n": 1}', None)]
    turn = read(home, spans, content)
    assert turn.tools == (ToolUse("search", "lamps", "A lamp.", retrieval=True), ToolUse("book", '{"n": 1}', None))
    assert turn.offered == ("book", "look")


def test_where_tools_have_no_spans_the_messages_tell(home: Home) -> None:
    def said(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
        return {"role": role, "parts": list(parts)}

    asked = [
        said("user", {"type": "text", "content": "Where is it?"}),
        said("assistant", {"type": "tool_call", "id": "1", "name": "track", "arguments": {"order": "Q-1"}}),
        said("tool", {"type": "tool_call_response", "id": "1", "result": "In Dunvale."}),
        said("assistant", {"type": "tool_call", "id": "2", "name": "tell", "arguments": "all"}),
    ]
    turn = read(home, [a_call("c1", 1)], [texts("c1", at=1) | {"input_messages": json.dumps(asked)}])
    assert turn.tools == (ToolUse("track", '{"order":"Q-1"}', "In Dunvale."), ToolUse("tell", "all", None))


def test_a_turn_without_tools_has_none(home: Home) -> None:
    turn = read(home, [a_call("c1", 1)], [texts("c1", at=1)])
    assert (turn.tools, turn.offered) == ((), ())
    assert with_tools(home.store, []) == []


GROUNDED = """
apiVersion: policy/v1
policy: {id: p, version: 1.0.0, status: active, owner: o}
rules:
  - {id: G-1, title: Grounded, kind: must, statement: "Say what the page says.", rationale: "So.", graders: [{use: grounded}]}
"""


def test_what_was_retrieved_decides_a_grade(home: Home) -> None:
    spans = [a_call("c1", 2), a_span("t1", 1, kind="retriever", name="search")]
    turn = read(
        home, spans, [texts("c1", saw="It costs 17.99 EUR.", at=2), values("t1", 1, "lamps", "It costs 19.99 EUR.")]
    )
    policy = given_policy("p.yaml", GROUNDED, FakeClock(START))[1]
    assert policy.wants_tools
    assert grade_turns([policy], [turn], Tools(FakeClock(START)))["verdict"].to_list() == ["violates"]
