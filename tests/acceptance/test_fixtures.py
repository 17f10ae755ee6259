"""What real instrumentations sent, against what their applications really did: each call once, with its facts.

What is knowable is said in `scoring`. The exceptions are facts about a dialect, each with its reason; nothing else may be missing,
and all exceptions together stay below one in a hundred of the knowable facts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.fixtures import cases, stored
from tests.acceptance.scoring import FACTS, knowable, scorable, scored, told_by
from tests.support.shared import needs_shared

NO_SPAN: Final = "the span of the stream that was given up is never exported"
NO_REASON: Final = "a stream that was given up ends without a finish reason"
ALIAS: Final = "says the alias that was asked for where the model of the answer belongs"

LOST: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "otel-openai-v2/responses_api": {
        "calls": (1, "the instrumentation does not see the responses API at all"),
        "tokens": (4, "the same"),
    },
    "mlflow-openai/async_stream": dict.fromkeys(
        ("calls", "request models", "response models", "finish reasons", "streams"), (1, NO_SPAN)
    ),
    "openlit-openai/async_stream": dict.fromkeys(("calls", "finish reasons", "streams"), (1, NO_SPAN)),
    "logfire-openai/async_stream": {"finish reasons": (1, NO_REASON)},
    "openinference-openai/async_stream": {"finish reasons": (1, NO_REASON)},
    "openllmetry-anthropic/streaming": {
        "tokens": (2, "message_start's output token is added to the total: 15 where the provider said 14"),
    },
    "google-adk/tools": {"finish reasons": (1, "says stop where the model asked for tools")},
    "openllmetry-openai/responses_api": {"finish reasons": (1, "says tool_call where the stub's log says completed")},
    "otel-genai-openai/responses_api": {"finish reasons": (1, "says tool_call where the stub's log says completed")},
    "langfuse-langchain/streaming": {"response models": (1, ALIAS)},
    "openinference-langchain/streaming": {"response models": (1, ALIAS)},
    "openllmetry-langchain/streaming": {"response models": (1, ALIAS)},
    "openai-agents-openinference/errors": {"request models": (2, "failed calls name no model; the error text does")},
    "langfuse-openai/batch_200": {
        "request models": (16, "the word stands in error texts; the span names the answering model")
    },
}

pytestmark = needs_shared


@pytest.mark.parametrize("name", scorable())
def test_every_call_once_with_its_facts(name: str) -> None:
    excused = LOST.get(name, {})
    short = [one for one in scored(name) if one.recovered < one.knowable - excused.get(one.fact, (0, ""))[0]]
    assert not short


@pytest.mark.parametrize("name", LOST)
def test_an_exception_that_no_longer_holds_is_struck_out(name: str) -> None:
    by_fact = {one.fact: one for one in scored(name)}
    assert {fact: by_fact[fact].knowable - by_fact[fact].recovered for fact in LOST[name]} == {
        fact: lost for fact, (lost, _) in LOST[name].items()
    }


def test_exceptions_are_below_one_in_a_hundred() -> None:
    everything = sum(1 + sum(knowable(fact, told) for fact in FACTS) for told in map(told_by, scorable().values()))
    lost = sum(count for facts in LOST.values() for count, _ in facts.values())
    assert everything > 15_000
    assert lost <= everything / 100


def edge(name: str) -> dict[str, Any]:
    return cases()[f"protocol-edge/{name}"]


@pytest.mark.parametrize("name", ["duplicate_delivery", "json_variants"])
def test_a_span_that_comes_twice_is_counted_once(name: str, tmp_path: Path) -> None:
    with stored(edge(name), tmp_path) as store:
        (call,) = store.read("SELECT * FROM calls").to_pylist()
        ledger = store.read("SELECT sum(received) AS received, sum(duplicate) AS duplicate FROM ledger").to_pylist()
    assert (call["input_tokens"], call["output_tokens"]) == (12, 5)
    assert ledger == [{"received": 2, "duplicate": 1}]


def test_identity_on_a_late_root_reaches_the_call(tmp_path: Path) -> None:
    with stored(edge("child_before_parent"), tmp_path) as store:
        (call,) = store.read("SELECT user_id, session_id FROM calls").to_pylist()
    assert call == {"user_id": "u-1", "session_id": "sess-1"}


def test_bad_spans_in_a_good_body_are_refused_one_by_one(tmp_path: Path) -> None:
    with stored(edge("partial_success"), tmp_path) as store:
        spans = store.read("SELECT count(*) AS n FROM spans")["n"][0].as_py()
        ledger = store.read("SELECT * FROM ledger").to_pylist()
    assert spans >= 1
    assert 2 <= sum(row["refused"] for row in ledger) <= 3
    assert sum(row["received"] for row in ledger) == spans + sum(row["refused"] for row in ledger)


def test_structured_attributes_become_texts(tmp_path: Path) -> None:
    with stored(edge("structured_attributes"), tmp_path) as store:
        (call,) = store.read("SELECT input_text, output_text FROM calls").to_pylist()
        attrs = store.read("SELECT attrs FROM spans")["attrs"][0].as_py()
    assert call == {"input_text": "structured hello", "output_text": "structured answer"}
    assert "-9007199254740993" in attrs


def test_scores_that_came_before_their_span_find_it(tmp_path: Path) -> None:
    with stored(edge("feedback_join"), tmp_path) as store:
        call = store.read("SELECT trace_id FROM calls").to_pylist()[0]
        scores = store.read("SELECT * FROM scores ORDER BY name, value").to_pylist()
    joined = [(s["name"], s["value"], s["label"], s["trace_id"] == call["trace_id"]) for s in scores]
    assert joined == [("relevance", 0.4, None, True), ("relevance", 1.0, None, False), ("tone", None, "polite", True)]
