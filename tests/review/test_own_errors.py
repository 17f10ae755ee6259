"""Reviewers err: answers whose verdict was decided before tell how often, rates know it, and who is new begins with them."""

from __future__ import annotations

import pytest

from plumbline.agent import Agent
from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import CloseReview, OpenReview
from plumbline.api.seat_questions import CommitItem, TakeItems, Verdict
from plumbline.reviews.erring import errors_now
from tests.review.conftest import RULE, ask, rows

OLD = "SELECT trace_id FROM turns ORDER BY time, trace_id LIMIT 60"
"""Answers of the week before the one that is reviewed."""


@pytest.fixture
def gold(agent: Agent) -> dict[str, str]:
    """Sixty answers that somebody decided: every second violates."""
    units = [row["trace_id"] for row in rows(agent, OLD)]
    verdicts = {unit: ("violates", "complies")[n % 2] for n, unit in enumerate(units)}
    told = [{"unit_id": unit, "rule_id": RULE, "verdict": said, "adjudicated": True} for unit, said in verdicts.items()]
    ask(agent, AddLabels(told))
    return verdicts


def opened(agent: Agent, size: int = 120) -> str:
    return str(ask(agent, OpenReview(size=size, rules=(RULE,)))["id"])


def judge(agent: Agent, review: str, person: str, n: int, known: dict[str, str], *, wrong: int = 0) -> list[str]:
    """Let `person` judge the next `n`: known ones as they are, but the first `wrong`; all others as complying."""
    units = []
    for number in range(n):
        unit = str(ask(agent, TakeItems(review, most=1), person)["items"][0]["unit_id"])
        right = known.get(unit, "complies")
        errs = number < wrong
        said: Verdict = "violates" if (right == "violates") != errs else "complies"
        told = ask(agent, CommitItem(review, unit, {RULE: said}), person)
        assert [row["verdict"] for row in told["decided"]] == ([right] if unit in known else [])
        units.append(unit)
    return units


def test_who_is_new_begins_with_answers_that_were_decided(agent: Agent, gold: dict[str, str]) -> None:
    review = opened(agent)
    assert ask(agent, TakeItems(review, most=1), "ana")["trial"] == {"n": 0, "right": 0}
    assert set(judge(agent, review, "ana", 10, gold)) <= set(gold)
    assert set(judge(agent, review, "ben", 10, gold)) & set(gold), "who comes second gets them, too"
    assert ask(agent, TakeItems(review, most=1), "ana").get("trial") is None


@pytest.mark.slow
def test_who_fails_does_not_stand_alone(agent: Agent, gold: dict[str, str]) -> None:
    review = opened(agent)
    judge(agent, review, "ana", 10, gold, wrong=5)
    alone = next(unit for unit in judge(agent, review, "ana", 30, gold) if unit not in gold)
    again = judge(agent, review, "ben", 120 - 20, gold)
    assert alone in again, "somebody else looks at it as well"


@pytest.mark.slow
def test_a_published_rate_reckons_with_the_errors_of_people(agent: Agent, gold: dict[str, str]) -> None:
    review = opened(agent)
    for person in ("ana", "ben"):
        judge(agent, review, person, 10, gold, wrong=1)
        judge(agent, review, person, 50, gold)
    agent.cycle()
    known = errors_now(agent.desk.state, agent.clock.now())
    assert known is not None
    assert known.known
    assert known.alarms.high > 0.01
    ask(agent, CloseReview(review))
    agent.cycle()
    [rate] = rows(agent, f"SELECT * FROM estimates WHERE rule_id = '{RULE}' AND segment = 'all'")
    assert f"whose own errors ({known.n} judgements tell of them) are reckoned in" in rate["method"]
    assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1


def test_what_made_somebody_decide_tells_of_no_error(agent: Agent) -> None:
    [unit] = [row["trace_id"] for row in rows(agent, f"{OLD} OFFSET 3")][:1]
    for person, verdict, decides in (("ana", "violates", False), ("ben", "complies", False), ("cy", "complies", True)):
        said = {"unit_id": unit, "rule_id": RULE, "verdict": verdict, "adjudicated": decides, "review_id": "x"}
        ask(agent, AddLabels([said]), person)
    assert errors_now(agent.desk.state, agent.clock.now()) is None
