"""What SQL reads of reviews and labels is made once, and anew as soon as anything was written."""

from __future__ import annotations

from plumbline.agent import Agent
from plumbline.api.review_questions import OpenReview
from plumbline.api.seat_questions import CommitItem, TakeItems, UndoItem
from plumbline.reviewing import read_ahead
from plumbline.reviews.tables import items_table
from tests.review.conftest import RULE, ask, rows

COUNTS = (
    "SELECT (SELECT count(*) FROM labels) AS said, (SELECT count(*) FROM review_items WHERE state <> 'open') AS done"
)


def test_tables_are_made_anew_only_when_something_was_written(agent: Agent) -> None:
    review = str(ask(agent, OpenReview(size=20, rules=(RULE,)))["id"])
    assert rows(agent, COUNTS) == [{"said": 0, "done": 0}]
    assert items_table(agent.desk.state) is items_table(agent.desk.state)
    unit = ask(agent, TakeItems(review, most=1))["items"][0]["unit_id"]
    ask(agent, CommitItem(review, unit, {RULE: "violates"}))
    assert rows(agent, COUNTS) == [{"said": 1, "done": 1}]
    (said,) = rows(
        agent, "SELECT unit_id, verdict, person, adjudicated, inclusion_probability > 0 AS drawn FROM labels"
    )
    assert said == {
        "unit_id": unit,
        "verdict": "violates",
        "person": "owner",
        "adjudicated": False,
        "drawn": said["drawn"],
    }
    ask(agent, UndoItem(review, unit))
    read_ahead(agent)
    assert rows(agent, COUNTS) == [{"said": 0, "done": 0}]
