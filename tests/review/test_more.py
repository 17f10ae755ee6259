"""A review grows where more answers tell most, and is the review that as large a draw would have opened."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import UsageError
from monitor.review.draw import CENSUS, PANEL, draw, extended, items
from plumbline.agent import Agent
from plumbline.api.review_questions import MoreItems, OpenReview, RedrawReview, ReviewResults
from plumbline.api.seat_questions import CommitItem, TakeItems
from tests.review.conftest import RULE, N, ask, rows
from tests.review.test_draw import units

PANEL_OF = "FROM review_items WHERE inclusion_probability IS NOT NULL"


@settings(max_examples=40, deadline=None)
@given(st.integers(60, 300), st.integers(0, 50), st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_what_was_taken_stays_and_probabilities_are_those_of_the_larger_draw(
    n: int, seed: int, more: list[int]
) -> None:
    frame = units(n, seed, gold=10)
    strata = draw(frame, 40, seed)
    panel = [one.name for one in strata if one.kind == PANEL]
    grown = extended(frame, strata, dict(zip(panel, more, strict=False)), seed)
    before, after = ({one.unit_id: one for one in items(frame, told, seed)} for told in (strata, grown))
    assert before.keys() <= after.keys()
    for stratum in grown:
        taken = [one for one in after.values() if one.stratum == stratum.name]
        if stratum.kind in {PANEL, CENSUS}:
            assert len(taken) == stratum.n_taken <= stratum.n_units
            assert all(one.inclusion_probability == stratum.n_taken / stratum.n_units for one in taken)
    drawn = pl.Series([1 / one.inclusion_probability for one in after.values() if one.inclusion_probability])
    assert drawn.sum() == pytest.approx(frame["inside"].sum())


def test_a_review_grows_and_labels_weigh_what_they_stand_for(agent: Agent) -> None:
    review = str(ask(agent, OpenReview(size=60, rules=(RULE,)))["id"])
    for _ in range(50):
        unit = ask(agent, TakeItems(review, most=1))["items"][0]["unit_id"]
        ask(agent, CommitItem(review, unit, {RULE: "complies"}))
    agent.cycle()
    before = rows(agent, f"SELECT count(*) AS n, sum(1 / inclusion_probability) AS whole {PANEL_OF}")[0]
    told = ask(agent, MoreItems(review, 40))
    assert told["rule"] == RULE
    assert 0 < told["new"] <= 40
    after = rows(agent, f"SELECT count(*) AS n, sum(1 / inclusion_probability) AS whole {PANEL_OF}")[0]
    assert before["n"] + told["new"] <= after["n"] == before["n"] + sum(told["strata"].values())
    assert after["whole"] == pytest.approx(before["whole"]) == pytest.approx(N)
    listed = rows(agent, "SELECT unit_id, stratum, inclusion_probability FROM review_items")
    again = ask(agent, RedrawReview(review))["items"]
    assert sorted(again, key=str) == sorted(listed, key=str)
    weighed = "SELECT count(*) AS n FROM {} l JOIN review_items i USING (unit_id) WHERE l.inclusion_probability <> i.inclusion_probability"
    assert rows(agent, weighed.format("labels")) == [{"n": 0}]
    agent.cycle()
    assert rows(agent, weighed.format("(SELECT * FROM grades WHERE grader = 'human:owner')")) == [{"n": 0}]
    assert rows(agent, "SELECT count(*) AS n FROM grades WHERE grader = 'human:owner'") == [{"n": 50}]
    assert ask(agent, ReviewResults(review))["rules"][0]["n_asked"] == after["n"]


def test_where_nothing_is_left_nothing_is_drawn(agent: Agent) -> None:
    review = str(ask(agent, OpenReview(size=1000, rules=(RULE,)))["id"])
    with pytest.raises(UsageError, match="no answer is left"):
        ask(agent, MoreItems(review))
    with pytest.raises(UsageError, match="no answer under NONE-01"):
        ask(agent, MoreItems(review, rule="NONE-01"))
