"""One record -> rows."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.importers.record import BadRecord, Origin
from collectors.importers.records import DAY_US, FIELDS, add_record

NOW = 1_790_000_000_000_000
CHANGED = NOW - 5 * DAY_US
ORIGIN = Origin(CHANGED, NOW, None)
LEAST = {"input": "hi", "output": "hello"}


def rows(record: dict[str, Any], position: int = 1, origin: Origin = ORIGIN) -> dict[str, list[dict[str, Any]]]:
    batch = Batch()
    add_record(batch, record, position, origin)
    return {table: batch.dicts(table) for table in batch.rows}


def span(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    return rows({**LEAST, **record}, **more)["spans"][0]


def test_the_least_a_record_may_say() -> None:
    made = rows(LEAST)
    (one,), (text,) = made["spans"], made["content"]
    assert len(one["trace_id"]) == 32
    assert len(one["span_id"]) == 16
    assert (one["kind"], one["operation"], one["status"], one["app"], one["source"]) == (
        *("llm", "chat", "ok"),
        *("unknown", "unknown"),
    )
    assert (one["time"], one["flags"], one["received_at"]) == (CHANGED, "time_unknown", NOW)
    assert one["parent_id"] is None
    unknown = ("duration_ms", "input_tokens", "output_tokens", "cost_usd", "user_id", "error_type", "attrs", "release")
    assert [one[name] for name in unknown] == [None] * len(unknown)
    assert one["usage_source"] == "none"
    assert json.loads(text["input_messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert json.loads(text["output_messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}
    ]
    assert (text["trace_id"], text["span_id"], text["time"]) == (one["trace_id"], one["span_id"], one["time"])
    assert made["scores"] == made["events"] == made["refusals"] == []


def test_everything_a_record_may_say() -> None:
    record = {
        **LEAST,
        "id": 7,
        "time": "2026-03-01T12:00:00Z",
        "app": "shop",
        "environment": "prod",
        "release": "1.2",
        "model": "m-1",
        "provider": "p",
        "prompt_name": "greet",
        "prompt_version": 3,
        "experiment": "e",
        "variant": "b",
        "user": "u1",
        "session": "s1",
        "system": "be kind",
        "input_tokens": 10,
        "output_tokens": "20",
        "latency_ms": 12.5,
        "cost_usd": 0,
        "scores": {"helpful": 1, "tone": "warm", "gone": None, "sure": True},
        "metadata": {"k": [1, None]},
        "more": "kept",
    }
    assert set(FIELDS) - set(record) == {"error", "region", "channel", "audience", "tenant", "language"}
    made = rows(record)
    (one,) = made["spans"]
    wanted = {
        "time": int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1e6),
        "flags": None,
        "app": "shop",
        "source": "shop",
        "environment": "prod",
        "release": "1.2",
        "request_model": "m-1",
        "response_model": "m-1",
        "provider": "p",
        "prompt_name": "greet",
        "prompt_version": "3",
        "experiment": "e",
        "variant": "b",
        "user_id": "u1",
        "session_id": "s1",
        "input_tokens": 10,
        "output_tokens": 20,
        "usage_source": "provider",
        "duration_ms": 12.5,
        "cost_usd": 0.0,
    }
    assert {name: one[name] for name in wanted} == wanted
    assert json.loads(one["attrs"]) == {"more": "kept", "metadata.k": [1, None]}
    assert made["content"][0]["system_text"] == "be kind"
    scores = {score["name"]: (score["value"], score["label"]) for score in made["scores"]}
    assert scores == {"helpful": (1.0, None), "tone": (None, "warm"), "sure": (1.0, None)}
    assert {score["trace_id"] for score in made["scores"]} == {one["trace_id"]}
    assert len({score["key"] for score in made["scores"]}) == 3


@pytest.mark.parametrize(
    ("time", "expected", "flags"),
    [
        ("2026-03-01", "2026-03-01T00:00:00", None),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00", None),
        ("2026-03-01 12:00:00.123456", "2026-03-01T12:00:00.123456", None),
        (datetime(2026, 3, 1), "2026-03-01T00:00:00", None),  # noqa: DTZ001 - as Parquet gives it
        (1_772_323_200, "2026-03-01T00:00:00", None),
        ("1772323200.5", "2026-03-01T00:00:00.500000", None),
        (1_772_323_200_000, "2026-03-01T00:00:00", None),
        (1_772_323_200_000_000, "2026-03-01T00:00:00", None),
        (1_772_323_200_000_000_000, "2026-03-01T00:00:00", None),
        (0, None, "time_unknown"),
        ("0", None, "time_unknown"),
        (-5, None, "time_unknown"),
        (None, None, "time_unknown"),
        ("", None, "time_unknown"),
        ("0001-01-01", None, "time_unknown"),
        (float("nan"), None, "time_unknown"),
        ("9999-12-31T23:59:59", None, "time_future"),
        (1e30, None, "time_future"),
    ],
)
def test_times(time: Any, expected: str | None, flags: str | None) -> None:
    one = span({"time": time})
    instant = CHANGED if expected is None else int(datetime.fromisoformat(f"{expected}+00:00").timestamp() * 1e6)
    assert (one["time"], one["flags"]) == (instant, flags)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"output": "x"}, "`input` is missing"),
        ({"input": None, "output": "x"}, "`input` is missing"),
        ({"input": "x"}, "`output` is missing"),
        ({"input": "x", "output": None}, "`output` is missing"),
        ({**LEAST, "time": "yesterday"}, "`time` 'yesterday' is neither"),
        ({**LEAST, "input_tokens": "many"}, "`input_tokens` 'many' is not a number"),
        ({**LEAST, "input_tokens": 1.5}, "`input_tokens` 1.5 is not a count"),
        ({**LEAST, "output_tokens": -1}, "`output_tokens` -1 cannot be"),
        ({**LEAST, "latency_ms": "inf"}, "`latency_ms` 'inf' cannot be"),
        ({**LEAST, "cost_usd": [1]}, "`cost_usd` [1] is not a number"),
        ({**LEAST, "scores": [1, 2]}, "`scores` is not a mapping"),
        ({**LEAST, "scores": "good"}, "`scores` is not a mapping"),
        ({**LEAST, "time": "x" * 999}, "x..."),
    ],
)
def test_what_cannot_be_taken_says_why_and_leaves_nothing(record: dict[str, Any], says: str) -> None:
    batch = Batch()
    with pytest.raises(BadRecord) as caught:
        add_record(batch, record, 1, ORIGIN)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 150
    assert len(batch) == 0


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (None, None, None),
        (False, None, None),
        (True, "error", None),
        ("timeout", "timeout", None),
        ("the model was busy", "error", "the model was busy"),
        ({"type": "rate_limit", "message": "slow down"}, "rate_limit", "slow down"),
        ({}, "error", None),
        (429, "429", None),
    ],
)
def test_errors(error: Any, kind: str | None, message: str | None) -> None:
    one = span({"error": error})
    assert (one["error_type"], one["error_message"]) == (kind, message)
    assert one["status"] == ("error" if kind else "ok")


def test_a_failed_call_may_have_no_answer_and_an_empty_answer_is_one() -> None:
    assert rows({"input": "x", "error": "timeout"})["content"][0]["output_messages"] is None
    assert rows({"input": "x", "output": ""})["content"][0]["output_messages"] is None


def test_conversations_stay_conversations_and_other_values_become_text() -> None:
    talk = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    made = rows({"input": talk, "output": {"answer": 1}})["content"][0]
    assert [m["role"] for m in json.loads(made["input_messages"])] == ["system", "user"]
    assert json.loads(made["output_messages"])[0]["parts"][0]["content"] == '{"answer": 1}'


def test_ids_depend_on_the_record_and_on_nothing_else() -> None:
    later = Origin(CHANGED + 1, NOW + DAY_US, None)
    for record in ({**LEAST, "id": "a"}, LEAST):
        assert rows(record)["spans"][0]["trace_id"] == rows(record, origin=later)["spans"][0]["trace_id"]
    assert span({"id": "a"}, position=1)["trace_id"] == span({"id": "a"}, position=2)["trace_id"]
    different = [
        span({}),
        span({}, position=2),
        span({"output": "other"}),
        span({"id": "a"}),
        span({"id": "b"}),
        span({"id": "a", "app": "shop"}),
        span({"id": "a", "model": "m"}),
        span({"id": "a", "time": 5}),
        span({"id": "a"}, origin=Origin(CHANGED, NOW, "other")),
    ]
    assert len({one["trace_id"] for one in different}) == len(different)


def test_the_default_app_yields_to_a_named_one() -> None:
    origin = Origin(CHANGED, NOW, "mine")
    assert span({}, origin=origin)["app"] == "mine"
    assert span({"app": "theirs"}, origin=origin)["app"] == "theirs"


def test_columns_of_tables_that_stand_for_nested_values() -> None:
    made = rows({**LEAST, "scores.helpful": "0.5", "scores": '{"tone": "warm"}', "metadata": '{"a": 1}'})
    assert {s["name"]: (s["value"], s["label"]) for s in made["scores"]} == {
        "helpful": (0.5, None),
        "tone": (None, "warm"),
    }
    assert json.loads(made["spans"][0]["attrs"]) == {"metadata.a": 1}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), json_values, max_size=12))
def test_any_record_becomes_rows_that_can_be_stored_or_is_refused_with_a_reason(record: dict[str, Any]) -> None:
    batch = Batch()
    try:
        add_record(batch, record, 1, ORIGIN)
    except BadRecord as error:
        assert str(error)
        assert len(batch) == 0
    else:
        to_tables(batch, None)
        assert len(batch.rows["spans"]) == 1
