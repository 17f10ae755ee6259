"""What real instrumentations sent, against what their applications really did: each call once, with its facts.

A fact is asked for only where `visible_in_payload` says that all of it is in the bodies. Known exceptions are facts about a
dialect (SDK retries it cannot see, a call that never left the process) and stand beside the test that leaves them out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fixtures import cases, detail, stored
from tests.support.shared import needs_shared

FAMILIES = ("otel-openai-v2", "otel-genai-", "openinference-", "openllmetry-")
NAMES = [name for name, case in cases().items() if name.startswith(FAMILIES) and "llm_calls" in case["expected"]]

UNSEEN = {"otel-openai-v2/responses_api"}
"""The instrumentation emits nothing at all for these calls."""

DOUBLE_COUNTED = {"openllmetry-anthropic/streaming"}
"""The instrumentation adds message_start's output token to the total: 31 where the provider said 29."""

pytestmark = needs_shared


def visible(case: dict[str, Any], fact: str) -> bool:
    share = (case.get("visible_in_payload") or {}).get(fact)
    return share is not None and share == 1.0


def missing(wanted: list[Any], found: list[Any]) -> dict[Any, int]:
    return dict(Counter(wanted) - Counter(found))


@pytest.mark.parametrize("name", NAMES)
def test_every_call_once_with_its_facts(name: str, tmp_path: Path) -> None:
    case = cases()[name]
    expected, real = case["expected"], detail(case)
    with stored(case, tmp_path) as store:
        calls = store.read("SELECT * FROM calls").to_pylist()
    models = [call for call in calls if call["operation"] != "embeddings"]
    if name in UNSEEN:
        assert models == []
        return
    assert len(models) == expected["llm_calls"]
    done = [call for call in real["calls"] if call.get("status") == 200]
    tokens = {fact: sum(call[fact] or 0 for call in models) for fact in ("input_tokens", "output_tokens")}
    assert tokens["input_tokens"] == expected["input_tokens_known_to_client"]
    if name not in DOUBLE_COUNTED:
        assert tokens["output_tokens"] == expected["output_tokens_known_to_client"]
    assert sum(1 for call in models if call["error_type"]) == expected["failed_calls"]
    asked = [call["request_model"] for call in done]
    assert not missing(asked if visible(case, "request_models") else [], [c["request_model"] for c in models])
    ids = [call["response_id"] for call in done if visible(case, "response_ids")]
    assert not missing(ids, [call["response_id"] for call in models])
    texts = [call["completion"] for call in done if call.get("completion") and visible(case, "completions")]
    assert not missing(texts, [call["output_text"] for call in models])


@pytest.mark.parametrize("name", NAMES)
def test_prompts_and_identity(name: str, tmp_path: Path) -> None:
    case = cases()[name]
    with stored(case, tmp_path) as store:
        calls = store.read("SELECT * FROM calls").to_pylist()
    done = [call for call in detail(case)["calls"] if call.get("status") == 200]
    if visible(case, "last_user_prompts"):
        said = [[p["text"] for p in call["prompt"] if p["role"] == "user"] for call in done]
        assert not missing([texts[-1] for texts in said if texts], [call["input_text"] for call in calls])
    if visible(case, "session_ids"):
        assert {call["session_id"] for call in calls} - {None} >= set(case["expected"]["sessions"])
    if visible(case, "user_ids"):
        assert {call["user_id"] for call in calls} - {None} >= set(case["expected"]["users"])


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
