"""Finishing traces: calls counted once, identity shared, logs and scores joined, one turn a trace, in whatever order it came."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.store.finishing.finish import finish
from tests.store.rows import ANSWER, QUESTION, START, TRACE, Home, Row, a_call, a_span, frame, texts, us

NATIVE = "com.anthropic.sdk.python"


def an_event(key: str, part: str, body: str, at: float = 0, **fields: object) -> Row:
    base = {"key": key, "trace_id": TRACE, "span_id": "c1", "time": us(at), "received_at": us(at), "part": part}
    return base | {"body": body, "source": "shop", "app": "shop", "name": "gen_ai"} | fields


def test_a_turn_is_what_the_user_saw(home: Home) -> None:
    root = a_span("r", kind="chain", duration_ms=900.0, user_id="u1", variant="B", experiment="tone")
    plain = {"trace_id": TRACE, "span_id": "r", "time": us(), "origin": "span"}
    home.take(
        frame(
            spans=[root, a_call("c1", 1, parent_id="r", input_tokens=3, output_tokens=5)],
            content=[plain | {"input_value": "Where is my kettle?", "output_value": "On its way."}, texts("c1", at=1)],
        )
    )
    assert home.finish() == 1
    (turn,) = home.rows("SELECT * FROM turns")
    assert (turn["input_text"], turn["output_text"]) == ("Where is my kettle?", "On its way.")
    assert (turn["user_id"], turn["variant"], turn["n_calls"], turn["output_tokens"]) == ("u1", "B", 1, 5)
    assert turn["duration_ms"] == 900.0


def test_a_root_that_holds_json_gives_way_to_the_texts_of_its_calls(home: Home) -> None:
    blob = {"trace_id": TRACE, "span_id": "r", "time": us(), "origin": "span", "input_value": '{"state": 1}'}
    home.take(
        frame(
            spans=[a_span("r", kind="chain"), a_call("c1", 1, parent_id="r")],
            content=[blob | {"output_value": "[]"}, texts("c1", at=1)],
        )
    )
    home.finish()
    assert home.rows("SELECT input_text, output_text FROM turns") == [{"input_text": "hi", "output_text": "hello"}]


def test_a_trace_without_any_model_is_no_turn(home: Home) -> None:
    home.take(frame(spans=[a_span("r"), a_span("db", 1, parent_id="r")]))
    assert home.finish() == 0
    assert home.rows("SELECT count(*) AS n FROM turns") == [{"n": 0}]


def test_a_child_that_comes_before_its_root_gets_its_identity(home: Home) -> None:
    home.take(frame(spans=[a_call("c1", 1, parent_id="r")]))
    assert home.finish() == 1
    home.take(frame(spans=[a_span("r", user_id="u1", session_id="s1")]))
    home.finish()
    assert home.rows("SELECT user_id, session_id FROM calls") == [{"user_id": "u1", "session_id": "s1"}]
    (turn,) = home.rows("SELECT user_id FROM turns")
    assert turn == {"user_id": "u1"}


def test_a_trace_finished_again_keeps_its_number(home: Home) -> None:
    home.take(frame(spans=[a_call("c1")]))
    home.finish()
    home.take(frame(spans=[a_call("c9", 2, trace_id="cd" * 16)]))
    home.finish()
    home.take(frame(spans=[a_call("c2", 3, parent_id="c0")]))
    home.finish()
    numbers = {row["trace_id"]: row["seq"] for row in home.rows("SELECT trace_id, seq FROM base.turns")}
    assert numbers == {TRACE: 1, "cd" * 16: 2}


def test_settling_waits_for_the_root_and_a_pause(home: Home) -> None:
    home.take(frame(spans=[a_call("c1", parent_id="r")]))
    wait = (timedelta(seconds=30), timedelta(minutes=10))
    assert finish(home.store, home.clock.now(), *wait) == 0
    home.take(frame(spans=[a_span("r")]))
    assert finish(home.store, home.clock.now(), *wait) == 1


def test_an_orphan_is_finished_in_the_end(home: Home) -> None:
    home.take(frame(spans=[a_call("c1", parent_id="never")]))
    home.clock.advance(timedelta(minutes=11))
    assert finish(home.store, home.clock.now(), timedelta(seconds=2), timedelta(minutes=10)) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_messages_in_logs_reach_their_call_whatever_came_first(home: Home, order: tuple[int, ...]) -> None:
    said, saw = '{"role":"user","parts":[{"type":"text","content":"q"}]}', ANSWER[1:-1] % "a"
    parts = [
        frame(spans=[a_call("c1")]),
        frame(events=[an_event("k1", "system", '{"role":"system","parts":[{"type":"text","content":"be kind"}]}')]),
        frame(events=[an_event("k2", "input", said), an_event("k3", "output", saw)]),
    ]
    for number in order:
        home.take(parts[number])
        home.finish()
    (call,) = home.rows("SELECT system_text, input_text, output_text FROM calls")
    assert call == {"system_text": "be kind", "input_text": "q", "output_text": "a"}
    assert home.rows("SELECT count(*) AS n FROM base.events WHERE body IS NOT NULL") == [{"n": 0}]


def test_why_the_model_stopped_is_told_by_a_log_even_without_content(home: Home) -> None:
    stop = '{"role":"assistant","parts":[],"finish_reason":"length"}'
    home.take(frame(spans=[a_call("c1"), a_call("c2", 1, finish_reason="stop")]))
    home.take(frame(events=[an_event("k1", "output", stop), an_event("k2", "output", stop, span_id="c2")]))
    home.finish()
    calls = home.rows("SELECT span_id, finish_reason, output_text FROM calls ORDER BY span_id")
    assert calls == [
        {"span_id": "c1", "finish_reason": "length", "output_text": None},
        {"span_id": "c2", "finish_reason": "stop", "output_text": None},
    ]
    assert home.rows("SELECT count(*) AS n FROM base.content") == [{"n": 0}]


def test_a_log_that_repeats_the_span_does_not_store_the_text_twice(home: Home) -> None:
    body = f'{{"system_text":"s","input_messages":{QUESTION % "log"},"output_messages":{ANSWER % "log"}}}'
    home.take(frame(spans=[a_call("c1")], content=[texts("c1")], events=[an_event("k", "details", body)]))
    home.finish()
    (call,) = home.rows("SELECT system_text, input_text, output_text FROM calls")
    assert call == {"system_text": "s", "input_text": "hi", "output_text": "hello"}


@pytest.mark.parametrize("trace", [TRACE, "cd" * 16])
def test_two_spans_with_one_response_id_are_one_call(home: Home, trace: str) -> None:
    rich = a_call("c1", response_id="resp-1", output_tokens=5)
    poor = a_call("c2", 0.01, trace_id=trace, parent_id="c1" if trace == TRACE else None, response_id="resp-1")
    home.take(frame(spans=[poor, rich], content=[texts("c1")]))
    home.finish()
    assert [row["span_id"] for row in home.rows("SELECT span_id FROM calls")] == ["c1"]
    (gone,) = home.rows("SELECT flags FROM spans WHERE span_id = 'c2'")
    assert "repeats:c1" in gone["flags"]


@pytest.mark.parametrize(("asked", "pairs"), [("<EMAIL_0b1c> asks", 1), ("<EMAIL_0b1c> asks again", 2)])
def test_the_end_of_a_stream_finds_its_call_in_another_trace_though_placeholders_differ(
    home: Home, asked: str, pairs: int
) -> None:
    other = "cd" * 16
    end = a_call("e1", 1, trace_id=other, duration_ms=0.0, scope="lf", flags="stream_end", output_tokens=7)
    home.take(
        frame(
            spans=[a_call("c1", scope="lf", stream=True), end],
            content=[texts("c1", "<EMAIL_fa12> asks", None), texts("e1", asked, "hello", at=1, trace_id=other)],
        )
    )
    home.finish()
    calls = home.rows("SELECT trace_id, output_tokens, output_text FROM calls ORDER BY trace_id")
    assert len(calls) == pairs
    if pairs == 1:
        assert calls == [{"trace_id": TRACE, "output_tokens": 7, "output_text": "hello"}]


@pytest.mark.parametrize("trace", [TRACE, "cd" * 16])
def test_a_failed_call_seen_by_the_client_library_too_is_one_call(home: Home, trace: str) -> None:
    failed: Row = {"status": "error", "error_type": "RateLimitError", "response_model": None}
    outer = a_call("c1", **failed)
    native = a_call("c2", 0.001, trace_id=trace, scope=NATIVE, duration_ms=98.0, **failed)
    home.take(frame(spans=[outer, native], content=[texts("c1", saw=None)]))
    home.finish()
    assert [row["span_id"] for row in home.rows("SELECT span_id FROM calls")] == ["c1"]


def test_a_wrapper_around_a_call_is_not_a_second_call(home: Home) -> None:
    outer = a_call("outer", output_tokens=5)
    inner = a_call("inner", 0.01, parent_id="between", response_id="resp-1", output_tokens=5)
    between = a_span("between", 0.005, parent_id="outer")
    home.take(frame(spans=[outer, between, inner], content=[texts("inner", at=0.01)]))
    home.finish()
    assert [row["span_id"] for row in home.rows("SELECT span_id FROM calls")] == ["inner"]


def test_two_calls_of_one_trace_stay_two(home: Home) -> None:
    home.take(frame(spans=[a_span("r"), a_call("c1", 1, parent_id="r"), a_call("c2", 2, parent_id="r")]))
    home.finish()
    assert home.rows("SELECT count(*) AS n FROM calls") == [{"n": 2}]
    assert home.rows("SELECT n_calls FROM turns") == [{"n_calls": 2}]


@pytest.mark.parametrize("first", ["score", "call"])
def test_a_score_that_knows_only_a_response_finds_its_trace(home: Home, first: str) -> None:
    score = frame(
        scores=[{"key": "k", "time": us(), "received_at": us(), "response_id": "resp-1", "name": "ok", "value": 1.0}]
    )
    call = frame(spans=[a_call("c1", response_id="resp-1")])
    for part in (score, call) if first == "score" else (call, score):
        home.take(part)
        home.finish()
    assert home.rows("SELECT trace_id, span_id, value FROM scores") == [
        {"trace_id": TRACE, "span_id": "c1", "value": 1.0}
    ]


def test_a_score_without_a_match_waits_and_stays(home: Home) -> None:
    home.take(frame(scores=[{"key": "k", "time": us(), "received_at": us(), "response_id": "x", "name": "ok"}]))
    home.finish()
    assert home.rows("SELECT trace_id, name FROM scores") == [{"trace_id": None, "name": "ok"}]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_many_traces_are_finished_a_few_at_a_time_and_are_the_same(most: int, tmp_path: Path) -> None:
    spans = [
        span
        for number in range(7)
        for trace in (f"{number:02x}" * 16,)
        for span in (
            a_span(f"r{number}", number, trace_id=trace, kind="chain", user_id=f"u{number}"),
            a_call(f"c{number}", number, trace_id=trace, parent_id=f"r{number}"),
        )
    ]
    found = []
    for name, at_most in (("whole", 100), ("parts", most)):
        home = Home(tmp_path / name)
        home.take(frame(spans=spans))
        wait = (timedelta(seconds=2), timedelta(minutes=1))
        assert finish(home.store, home.clock.now(), *wait, flush=True, most=at_most) == 7
        found.append(home.rows("SELECT * FROM base.turns ORDER BY seq"))
        assert home.rows("SELECT sum(n_turns) AS n FROM base.rollup") == [{"n": 7}]
        home.store.close()
    assert found[0] == found[1]


def test_whoever_waits_for_a_stop_waits_for_one_part(home: Home) -> None:
    home.take(frame(spans=[a_call(f"c{number}", number, trace_id=f"{number:02x}" * 16) for number in range(5)]))
    wait = (timedelta(seconds=2), timedelta(minutes=1))
    assert finish(home.store, home.clock.now(), *wait, flush=True, most=2, stopping=lambda: True) == 2
    assert home.finish() == 3


def test_draws_and_verdicts_follow_a_turn_whose_time_moves(home: Home) -> None:
    home.take(frame(spans=[a_call("c1", 3_000, parent_id="r")]))
    home.finish()
    late = START.replace(tzinfo=None) + timedelta(seconds=3_000)
    with home.store.transaction() as txn:
        txn.insert(
            "samples", [{"unit_id": TRACE, "time": late, "plan": "p"}, {"unit_id": "other", "time": late, "plan": "p"}]
        )
        txn.insert("grades", [{"unit_id": TRACE, "time": late, "rule_id": "R-1"}])
    home.take(frame(spans=[a_span("r", 0)]))
    home.finish()
    began = START.replace(tzinfo=None)
    assert home.rows("SELECT time FROM base.turns") == [{"time": began}]
    assert home.rows("SELECT time FROM base.samples WHERE unit_id <> 'other'") == [{"time": began}]
    assert home.rows("SELECT time FROM base.samples WHERE unit_id = 'other'") == [{"time": late}]
    assert home.rows("SELECT time FROM base.grades") == [{"time": began}]
    assert {row["time"] for row in home.rows("SELECT time FROM base.stale")} == {began, late}
