"""A review opens on the wall clock of the team, ends on its due date whoever vanished, and says that it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import ReviewSettings
from monitor.errors import NotFound
from plumbline.agent import Agent
from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import CloseReview, OpenReview, Reviews, WantItems
from plumbline.reviewing import keep_reviews
from plumbline.reviews.timetable import last_time
from tests.review.conftest import END, RULE, ask, rows

BERLIN = ReviewSettings(timezone="Europe/Berlin")


def test_the_clock_on_the_wall_counts_over_a_change_of_clocks() -> None:
    """On 25 October 2026 clocks in Berlin go back: 09:00 is 07:00 UTC before, and 08:00 UTC after."""
    assert last_time(BERLIN, datetime(2026, 10, 19, 7, tzinfo=UTC)) == datetime(2026, 10, 19, 7, tzinfo=UTC)
    assert last_time(BERLIN, datetime(2026, 10, 26, 7, 59, tzinfo=UTC)) == datetime(2026, 10, 19, 7, tzinfo=UTC)
    assert last_time(BERLIN, datetime(2026, 10, 26, 8, tzinfo=UTC)) == datetime(2026, 10, 26, 8, tzinfo=UTC)
    assert last_time(BERLIN, datetime(2026, 3, 30, 7, tzinfo=UTC)) == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert last_time(ReviewSettings(day="never"), datetime(2026, 3, 30, 7, tzinfo=UTC)) is None


def clock(agent: Agent) -> FakeClock:
    assert isinstance(agent.clock, FakeClock)
    return agent.clock


def test_a_week_from_opening_to_its_end_with_a_reviewer_who_vanishes(agent: Agent) -> None:
    keep_reviews(agent)
    assert ask(agent, Reviews()) == [], "nobody may review beside the owner"
    agent.access.register.add("ana", "reviewer")
    keep_reviews(agent)
    keep_reviews(agent)
    [review] = ask(agent, Reviews())
    assert (review["opened_at"], review["opened_by"]) == (datetime(2026, 9, 14, 9, tzinfo=UTC), "schedule")
    asked = "SELECT state, reason FROM alerts WHERE rule_id = 'plumbline.review'"
    [told] = rows(agent, asked)
    assert told["state"] == "firing"
    assert "answers wait until 2026-09-22" in told["reason"]
    some = "SELECT unit_id FROM review_items WHERE inclusion_probability IS NOT NULL ORDER BY unit_id LIMIT 25"
    said = [
        {"unit_id": row["unit_id"], "rule_id": RULE, "verdict": "complies", "review_id": review["id"]}
        for row in rows(agent, some)
    ]
    ask(agent, AddLabels(said), "ana")
    clock(agent).move_to(END + timedelta(days=7, minutes=1))
    keep_reviews(agent)
    closed = next(row for row in ask(agent, Reviews()) if row["id"] == review["id"])
    assert (closed["closed_by"], closed["n_done"]) == ("schedule", 25)
    assert sorted(row["state"] for row in rows(agent, asked)) == ["firing", "resolved"], "the next week's waits already"
    agent.cycle()
    assert rows(agent, "SELECT count(*) AS n FROM grades WHERE grader = 'human:ana'") == [{"n": 25}]


def test_what_somebody_asks_for_is_in_the_next_review_and_what_is_left_over_too(agent: Agent) -> None:
    trace = rows(agent, "SELECT trace_id FROM turns ORDER BY time LIMIT 1")[0]["trace_id"]
    assert ask(agent, WantItems(trace, "odd")) == {"new": 1, "of": 1}
    assert ask(agent, WantItems(trace)) == {"new": 0, "of": 1}
    with pytest.raises(NotFound):
        ask(agent, WantItems("ab" * 16))
    first = str(ask(agent, OpenReview(size=60))["id"])
    wanted = "SELECT unit_id FROM review_items WHERE stratum = 'wanted' AND review_id = '{}'"
    assert rows(agent, wanted.format(first)) == [{"unit_id": trace}]
    left = rows(
        agent, f"SELECT unit_id FROM review_items WHERE review_id = '{first}' AND stratum IN ('wanted', 'risk')"
    )
    ask(agent, CloseReview(first))
    second = str(ask(agent, OpenReview(size=60))["id"])
    assert {row["unit_id"] for row in rows(agent, wanted.format(second))} == {row["unit_id"] for row in left}
