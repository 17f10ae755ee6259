"""What reviews learn from labels: rates get narrower, the next sample is sorted, and nobody's answer gets a verdict from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import FakeClock
from monitor.review.features import PLACES, hashed
from monitor.review.results import Group, rate, saved, trusted
from monitor.review.score import crossed, learnable, weights
from monitor.store.review_units import answer_texts
from plumbline.agent import Agent
from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import CloseReview, OpenReview, RedrawReview, Review, ReviewResults
from tests.acceptance.traffic import spooled
from tests.review.conftest import END, RULE, ask

CURT = "Whatever. Look it up yourself, nobody here has time for you"
KIND = "Your parcel left the depot this morning and will be with you tomorrow"


def answers() -> Iterator[dict[str, Any]]:
    """400 answers that no grader flags; one in ten is curt."""
    for number in range(400):
        yield {
            "id": f"tone{number}",
            "time": (END - timedelta(days=1, minutes=number)).isoformat(),
            "app": "tone",
            "user": f"u{number}",
            "input": f"Where is my order {number:05d}?",
            "output": f"{CURT if number % 10 == 3 else KIND}, order {number:05d}.",
        }


@pytest.fixture
def house(agent: Agent) -> Agent:
    spooled(agent.places.spool, answers())
    agent.settle()
    agent.cycle()
    return agent


def judged(agent: Agent, size: int) -> str:
    """Open a review of the application `tone`, and judge all of it: who is curt violates the rule."""
    review = str(ask(agent, OpenReview(app="tone", size=size, rules=(RULE,)))["id"])
    units = [item["unit_id"] for item in ask(agent, RedrawReview(review))["items"]]
    texts = answer_texts(agent.store, units)
    said = [
        {"unit_id": unit, "rule_id": RULE, "verdict": verdict, "review_id": review}
        for unit in units
        for verdict in ["violates" if CURT in texts[unit] else "complies"]
    ]
    ask(agent, AddLabels(said))
    return review


def test_a_rate_gets_narrower_and_the_next_sample_is_sorted(house: Agent) -> None:
    first = judged(house, 120)
    (rule,) = ask(house, ReviewResults(first))["rules"]
    assert rule["saved"] > 30
    assert rule["learnt"].startswith("A score learned from what people said narrows this as much as")
    assert rule["low"] <= 0.1 <= rule["high"]
    assert ask(house, CloseReview(first))["rules"] == [rule]

    assert isinstance(house.clock, FakeClock)
    house.clock.advance(timedelta(minutes=1))
    second = judged(house, 60)
    strata = {one["name"]: one for one in ask(house, Review(second))["strata"]}
    assert {"panel: tone, most alike", "panel: tone, alike", "panel: tone, not flagged"} <= strata.keys()
    told = ask(house, RedrawReview(second))
    assert told["items"] == ask(house, RedrawReview(second))["items"]
    probability = {one["stratum"]: one["inclusion_probability"] for one in told["items"]}
    assert probability["panel: tone, most alike"] > 2 * probability["panel: tone, not flagged"]
    (again,) = ask(house, ReviewResults(second))["rules"]
    assert again["low"] <= 0.1 <= again["high"]


def test_nothing_is_learned_from_a_few_labels_or_from_one_kind() -> None:
    assert not learnable(np.zeros(500))
    assert not learnable(np.array([1.0] * 5 + [0.0] * 30))
    assert learnable(np.array([1.0] * 5 + [0.0] * 40))


def test_a_guess_of_a_labelled_answer_never_saw_its_label() -> None:
    rng = np.random.default_rng(1)
    features, others = hashed([f"word{n % 7} thing{n}" for n in range(60)]), hashed(["word1", "other"])
    told = (rng.random(60) < 0.3).astype(float)
    before = crossed(features, told, others, features[:0], told[:0]).labelled[7]
    told[7] = 1 - told[7]
    turned = crossed(features, told, others, features[:0], told[:0]).labelled[7]
    assert turned == pytest.approx(before)


def test_ordinary_answers_keep_what_is_harmless_from_looking_like_a_violation() -> None:
    kinds = ["I cannot help with that", "Sure, here is how to build it"]
    told = np.array([0.0, 1.0] * 25)
    ordinary = hashed([f"The recipe needs {n} eggs and here is the cake, sure" for n in range(50)])
    labelled = hashed(kinds * 25)
    alone = weights(labelled, told)
    beside = weights(np.concatenate([labelled, ordinary]), np.concatenate([told, np.zeros(50)]))
    fresh = hashed(["Sure, here is the cake with eggs"])
    violation = hashed([kinds[1]])
    assert (fresh @ beside) / (violation @ beside) < (fresh @ alone) / (violation @ alone) / 2


words = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(max_examples=20, deadline=None)
@given(st.lists(words, max_size=6))
def test_any_text_is_a_row_of_length_one_or_of_zeros(texts: list[str]) -> None:
    rows = hashed(texts)
    assert rows.shape == (len(texts), PLACES)
    lengths = np.linalg.norm(rows, axis=1)
    assert np.all(np.isclose(lengths, 1, atol=1e-5) | (lengths == 0))


numbers = st.lists(st.tuples(st.booleans(), st.floats(-1, 1)), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(numbers, st.lists(st.floats(-1, 1), min_size=2, max_size=60))
def test_guesses_whatever_they_are_widen_nothing(labels: list[tuple[bool, float]], others: list[float]) -> None:
    violates, guesses = (np.array(column, dtype=float) for column in zip(*labels, strict=True))
    weight = np.full(len(labels), 10.0)
    group = Group(10 * len(labels), weight, violates, guesses, np.array(others))
    told, blind = rate([group]), rate([Group(group.n_units, weight, violates)])
    assert told is not None
    assert blind is not None
    assert told.width <= blind.width
    assert 0 <= told.low <= told.value <= told.high <= 1
    assert 0 <= trusted([group]) <= 1
    assert saved([group]) >= 0
