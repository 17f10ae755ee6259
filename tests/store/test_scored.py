"""A score finds what it is about by response, by the application's own message id, or by session, whichever comes first."""

from __future__ import annotations

import pytest

from tests.store.rows import TRACE, Home, Row, a_call, a_span, frame, us

OTHER = "cd" * 16


def a_score(**fields: object) -> Row:
    return {"key": "k", "time": us(60), "received_at": us(60), "name": "thumb", "value": 1.0, "source": "shop"} | fields


def in_order(home: Home, first: str, score: Row, *spans: Row) -> list[Row]:
    parts = [frame(scores=[score]), frame(spans=list(spans))]
    for part in parts if first == "score" else parts[::-1]:
        home.take(part)
        home.finish()
    return home.rows("SELECT trace_id, span_id FROM scores")


@pytest.mark.parametrize("first", ["score", "span"])
def test_by_the_applications_own_message_id(home: Home, first: str) -> None:
    found = in_order(home, first, a_score(message_id="m-1"), a_span("r", message_id="m-1"), a_call("c", parent_id="r"))
    assert found == [{"trace_id": TRACE, "span_id": "r"}]


@pytest.mark.parametrize("first", ["score", "span"])
def test_by_session_it_is_the_turn_just_seen(home: Home, first: str) -> None:
    turns = [
        a_call("c1", 0, session_id="s"),
        a_call("c2", 30, trace_id=OTHER, session_id="s"),
        a_call("c3", 90, trace_id="ef" * 16, session_id="s"),
        a_call("c4", 50, trace_id="aa" * 16, session_id="another"),
    ]
    assert in_order(home, first, a_score(session_id="s"), *turns) == [{"trace_id": OTHER, "span_id": None}]


def test_a_session_that_is_told_on_the_root_only_counts(home: Home) -> None:
    spans = [a_span("r", session_id="s"), a_call("c", 1, parent_id="r")]
    assert in_order(home, "span", a_score(session_id="s"), *spans) == [{"trace_id": TRACE, "span_id": None}]


def test_a_session_without_a_turn_before_the_score_stays_unmatched(home: Home) -> None:
    assert in_order(home, "span", a_score(session_id="s"), a_call("c1", 61, session_id="s")) == [
        {"trace_id": None, "span_id": None}
    ]


def test_a_response_that_has_not_come_is_not_replaced_by_the_session(home: Home) -> None:
    score = a_score(response_id="resp-9", session_id="s")
    assert in_order(home, "span", score, a_call("c1", session_id="s")) == [{"trace_id": None, "span_id": None}]
    home.take(frame(spans=[a_call("c9", 2, trace_id=OTHER, response_id="resp-9")]))
    home.finish()
    assert home.rows("SELECT trace_id, span_id FROM scores") == [{"trace_id": OTHER, "span_id": "c9"}]


def test_an_embedding_answers_to_its_response_id_but_a_tool_does_not(home: Home) -> None:
    spans = [a_span("t", kind="tool", response_id="resp-1"), a_call("e", 1, kind="embedding", response_id="resp-1")]
    assert in_order(home, "span", a_score(response_id="resp-1"), *spans) == [{"trace_id": TRACE, "span_id": "e"}]
