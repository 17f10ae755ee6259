"""Reviews as commands: opened on a frozen list, drawn again, shared out, closed; labels count with their probabilities."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.clock import FakeClock
from monitor.errors import BadRows, Forbidden, NotFound, UsageError
from monitor.policy.schema import Policy
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Actor, Call
from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import AssignReview, CloseReview, OpenReview, RedrawReview, Review, Reviews
from tests.review.conftest import END, RULE, N, ask, more, rows

COLUMNS = ["id", "app", "opened_at", "due_at", "closed_at", "n_items", "n_done", "seed"]


def opened(agent: Agent, size: int = 60) -> str:
    return str(ask(agent, OpenReview(size=size, rules=(RULE,)))["id"])


def said(agent: Agent, review: str, verdict: str, person: str = "ana", limit: int = 1000) -> int:
    asked = f"SELECT unit_id FROM review_items WHERE review_id = '{review}' ORDER BY unit_id LIMIT {limit}"
    told = [
        {"unit_id": row["unit_id"], "rule_id": RULE, "verdict": verdict, "review_id": review}
        for row in rows(agent, asked)
    ]
    return int(ask(agent, AddLabels(told), person)["new"])


def test_a_review_is_frozen_and_drawn_again_from_its_seed(agent: Agent) -> None:
    review = opened(agent)
    [told] = rows(agent, "SELECT * FROM reviews")
    assert list(told) == COLUMNS
    assert (told["id"], told["n_items"], told["n_done"], told["closed_at"]) == (review, 60, 0, None)
    listed = rows(agent, "SELECT unit_id, stratum, inclusion_probability FROM review_items")
    again = ask(agent, RedrawReview(review))["items"]
    assert again == listed
    panel = [row for row in listed if row["inclusion_probability"]]
    assert sum(1 / row["inclusion_probability"] for row in panel) == pytest.approx(N)
    same = ask(agent, OpenReview(size=60, rules=(RULE,)))
    assert same["id"] != review
    assert ask(agent, RedrawReview(same["id"]))["items"] == listed, "the same week draws the same list"
    more(agent, 50)
    assert ask(agent, RedrawReview(review))["items"] == listed, "what comes later is not in it"


def test_labels_given_in_a_review_correct_the_rate_and_the_picks_do_not(agent: Agent) -> None:
    review = opened(agent, 120)
    assert said(agent, review, "complies") == 120
    agent.cycle()
    planned = rows(agent, "SELECT count(*) AS n FROM labels WHERE plan IS NOT NULL")[0]["n"]
    panel = rows(agent, "SELECT count(inclusion_probability) AS n FROM review_items")[0]["n"]
    assert 20 < planned == panel < 120
    [rate] = rows(agent, f"SELECT * FROM estimates WHERE rule_id = '{RULE}' AND segment = 'all'")
    assert rate["n_human"] == 120
    assert f"corrected by {panel} human labels" in rate["method"]
    assert ask(agent, Reviews())[0]["n_done"] == 120
    assert {row["state"] for row in rows(agent, "SELECT state FROM review_items")} <= {"done", "once"}


def test_items_are_shared_out_and_doubles_go_to_two(agent: Agent) -> None:
    review = opened(agent, 120)
    agent.access.register.add("ana", "reviewer")
    agent.access.register.add("ben", "reviewer")
    told = ask(agent, AssignReview(review, ("ana", "ben")))["items"]
    assert abs(told["ana"] - told["ben"]) <= 1
    assert sum(told.values()) > 120, "some are looked at twice"
    assert said(agent, review, "complies", "ana", 90) == 90
    shown = ask(agent, Review(review))
    assert {row["person"]: row["done"] for row in shown["people"]} == {"ana": 90, "ben": 0}
    assert shown["second_looks_missing"] > 0
    with pytest.raises(UsageError, match="nobody of this name"):
        ask(agent, AssignReview(review, ("zoe",)))


def test_a_closed_review_takes_no_more_labels(agent: Agent) -> None:
    review = opened(agent)
    said(agent, review, "complies", limit=20)
    ask(agent, CloseReview(review))
    with pytest.raises(UsageError, match="was closed"):
        ask(agent, CloseReview(review))
    with pytest.raises(BadRows, match="is closed"):
        said(agent, review, "violates", "ben")
    assert rows(agent, "SELECT n_done FROM reviews") == [{"n_done": 20}]


def test_a_policy_that_changes_in_mid_week_leaves_the_item_its_hash(agent: Agent) -> None:
    review = opened(agent)
    [frozen] = rows(agent, "SELECT DISTINCT policy_hash FROM review_items")
    agent.policies = [_changed(policy) for policy in agent.policies]
    said(agent, review, "violates", limit=10)
    agent.cycle()
    graded = rows(agent, "SELECT DISTINCT policy_hash FROM grades WHERE grader = 'human:ana'")
    assert graded == [frozen]


def _changed(policy: Policy) -> Policy:
    return replace(policy, hash="0" * 64, rules=tuple(rule for rule in policy.rules if rule.id != RULE))


def test_an_item_that_is_erased_in_mid_week_leaves_its_place_empty(agent: Agent) -> None:
    review = opened(agent)
    said(agent, review, "complies", limit=30)
    first = rows(agent, "SELECT unit_id FROM review_items ORDER BY unit_id LIMIT 1")[0]["unit_id"]
    before = ask(agent, RedrawReview(review))["items"]
    agent.erase("trace", first)
    states = [row["state"] for row in rows(agent, "SELECT state FROM review_items WHERE unit_id IS NULL")]
    assert states == ["gone"]
    assert ask(agent, Reviews())[0]["n_done"] == 29
    assert ask(agent, RedrawReview(review))["items"] == [item for item in before if item["unit_id"] != first]
    agent.cycle()
    agent.desk.state.compact()
    assert first.encode() not in agent.places.control.read_bytes()


def test_who_may_not_and_what_cannot_be(agent: Agent) -> None:
    with pytest.raises(NotFound):
        ask(agent, Review("2020-01-01"))
    with pytest.raises(UsageError, match="no answer of nowhere is stored"):
        ask(agent, OpenReview(app="nowhere"))
    with pytest.raises(UsageError, match="no such rule"):
        ask(agent, OpenReview(rules=("NONE-01",)))
    with pytest.raises(UsageError, match="lies ahead"):
        ask(agent, OpenReview(at=END + timedelta(days=1)))
    with pytest.raises(UsageError, match="sees texts of shop only"):
        ask(agent, OpenReview(), "ana", apps=frozenset({"shop"}))
    with pytest.raises(Forbidden):
        Answers(agent).answer(OpenReview(), Call(Actor("vera", frozenset({"read"}))))


def test_the_last_word_counts_and_one_key_is_one_review(agent: Agent) -> None:
    first = ask(agent, OpenReview(size=60), "ana", key="k1")
    assert ask(agent, OpenReview(size=60), "ana", key="k1") == first
    assert len(ask(agent, Reviews())) == 1
    assert isinstance(agent.clock, FakeClock)
    acts = [row["act"] for row in rows(agent, "SELECT act FROM audit")]
    assert acts.count("openreview") == 1
