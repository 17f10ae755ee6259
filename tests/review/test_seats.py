"""Sitting down to review: one answer on one desk, nothing revealed before, everything taken back, disagreements decided by a third."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.errors import NotFound, UsageError
from monitor.state import reviews
from plumbline.agent import Agent
from plumbline.api.review_questions import AssignReview, OpenReview, Reviews
from plumbline.api.seat_questions import CommitItem, DecideItem, Disputes, SaveDraft, SkipItem, TakeItems, UndoItem
from tests.review.conftest import RULE, ask, rows

SAID_ABOUT_IT = ("band", "stratum", "reason", "broken", "probability", "verdict'")


@pytest.fixture
def review(agent: Agent) -> str:
    return str(ask(agent, OpenReview(size=60, rules=(RULE,)))["id"])


def next_of(agent: Agent, review: str, person: str) -> dict[str, Any]:
    told = ask(agent, TakeItems(review, most=1), person)["items"]
    return dict(told[0])


def commit(
    agent: Agent, review: str, person: str, unit: str, verdict: Any = "complies", key: str = ""
) -> dict[str, Any]:
    return dict(ask(agent, CommitItem(review, unit, {RULE: verdict}, note="because"), person, key=key))


def test_two_people_never_have_the_same_answer_unless_it_is_for_two(agent: Agent, review: str) -> None:
    needs = {row["unit_id"]: row["need"] for row in _items(agent, review)}
    mine = [item["unit_id"] for item in ask(agent, TakeItems(review, most=10), "ana")["items"]]
    theirs = [item["unit_id"] for item in ask(agent, TakeItems(review, most=10), "ben")["items"]]
    assert len(mine) == len(theirs) == 10
    assert all(needs[unit] == 2 for unit in {*mine} & {*theirs})
    assert isinstance(agent.clock, FakeClock)
    agent.clock.advance(timedelta(minutes=16))
    late = [item["unit_id"] for item in ask(agent, TakeItems(review, most=10), "cem")["items"]]
    assert {*late} & {*mine}, "who went away does not keep an answer for ever"


def _items(agent: Agent, review: str) -> list[dict[str, Any]]:
    with agent.desk.state.transaction() as txn:
        return reviews.items(txn, review)


def test_an_answer_comes_with_its_rule_and_texts_and_nobodys_verdict(agent: Agent, review: str) -> None:
    item = next_of(agent, review, "ana")
    [rule] = item["rules"]
    assert rule["id"] == RULE
    assert {example["label"] for example in rule["examples"]} == {"violates", "complies"}
    assert item["texts"]["output_messages"] or item["texts"]["output_value"]
    told = repr({key: value for key, value in item.items() if key not in {"texts", "rules"}})
    assert not [word for word in SAID_ABOUT_IT if word in told]
    after = commit(agent, review, "ana", item["unit_id"])
    assert [row["rule_id"] for row in after["machine"]] == [RULE]
    assert after["others"] == []


def test_drafts_come_back_and_what_is_put_off_comes_last(agent: Agent, review: str) -> None:
    first = next_of(agent, review, "ana")["unit_id"]
    ask(agent, SaveDraft(review, first, {"note": "mail bob@shop.example"}), "ana")
    again = next_of(agent, review, "ana")
    assert again["unit_id"] == first
    assert "bob@shop.example" not in again["draft"]["note"], "redacted as everything is"
    ask(agent, SkipItem(review, first), "ana")
    assert next_of(agent, review, "ana")["unit_id"] != first
    seen = [next_of(agent, review, "ana")["unit_id"]]
    while seen[-1] != first:
        commit(agent, review, "ana", seen[-1])
        seen.append(next_of(agent, review, "ana")["unit_id"])
    assert len(seen) == 60, "last of all"


def test_undo_takes_everything_back_also_from_the_rates(agent: Agent, review: str) -> None:
    unit = next_of(agent, review, "ana")["unit_id"]
    commit(agent, review, "ana", unit, "violates", key="k1")
    commit(agent, review, "ana", unit, "violates", key="k1")
    agent.cycle()
    graded = "SELECT count(*) AS n FROM grades WHERE grader = 'human:ana'"
    assert rows(agent, graded) == [{"n": 1}]
    assert ask(agent, Reviews())[0]["n_done"] == 1
    ask(agent, UndoItem(review, unit), "ana")
    assert ask(agent, Reviews())[0]["n_done"] == 0
    assert rows(agent, "SELECT * FROM labels") == []
    agent.cycle()
    assert rows(agent, graded) == [{"n": 0}]
    back = next_of(agent, review, "ana")
    assert (back["unit_id"], back["draft"]["verdicts"]) == (unit, {RULE: "violates"})
    with pytest.raises(NotFound, match="taken it back"):
        ask(agent, UndoItem(review, unit), "ana")
    commit(agent, review, "ana", unit, "complies")
    agent.cycle()
    assert rows(agent, "SELECT verdict FROM grades WHERE grader = 'human:ana'") == [{"verdict": "complies"}]


def test_a_third_person_decides_and_an_unclear_rule_yields_an_example(agent: Agent, review: str) -> None:
    double = next(row["unit_id"] for row in _items(agent, review) if row["need"] == 2)
    commit(agent, review, "ana", double, "violates")
    told = commit(agent, review, "ben", double, "complies")
    assert told["others"] == [{"person": "ana", "rule_id": RULE, "verdict": "violates"}]
    [dispute] = ask(agent, Disputes(review), "cem")
    assert dispute["may_decide"]
    assert [row["verdict"] for row in dispute["said"]] == ["violates", "complies"]
    with pytest.raises(UsageError, match="a third person"):
        ask(agent, DecideItem(review, double, RULE, "violates", "slip"), "ana")
    decided = ask(agent, DecideItem(review, double, RULE, "violates", "unclear_rule", "what of half answers?"), "cem")
    assert "label: violates" in decided["example"]
    assert ask(agent, Disputes(review), "cem") == []
    agent.cycle()
    asked = f"SELECT verdict, reason FROM grades WHERE unit_id = '{double}' AND grader = 'human:cem'"
    assert rows(agent, asked)[0]["verdict"] == "violates"
    with pytest.raises(NotFound):
        ask(agent, DecideItem(review, double, RULE, "violates", "slip"), "dora")


def test_what_belongs_to_others_is_not_given(agent: Agent, review: str) -> None:
    for name in ("ana", "ben"):
        agent.access.register.add(name, "reviewer")
    ask(agent, AssignReview(review, ("ana", "ben")))
    assert ask(agent, TakeItems(review), "cem") == {"items": [], "left": 0, "done": 0}
    assert ask(agent, TakeItems(review), "ana")["left"] > 20
    assert ask(agent, TakeItems(review), "ana", apps=frozenset({"desk"}))["items"] == []
