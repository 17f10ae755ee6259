"""What follows from a review: intervals that hold, bounds for what nobody judged, picks that move nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.review.errors import Checked, errors
from monitor.review.results import Group, bounds, more_to_decide, rate
from plumbline.agent import Agent
from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import CloseReview, OpenReview, ReviewResults
from tests.review.conftest import RULE, ask, rows
from tests.statistics.learned import by_lot


def group(n_units: int, n: int, found: int) -> Group:
    return Group(n_units, np.full(n, n_units / n), np.array([1.0] * found + [0.0] * (n - found)))


def test_two_of_two_hundred_is_between_a_tenth_of_a_percent_and_three_and_a_half() -> None:
    told = rate([group(1_000_000, 200, 2)])
    assert told is not None
    assert (round(told.low, 4), round(told.high, 4)) == (0.0012, 0.0357)
    assert told.value == pytest.approx(0.01)


@pytest.mark.parametrize("n", [100, 300])
def test_labels_drawn_by_lot_hold_the_truth_reckoned_without_drawing(n: int) -> None:
    held = [by_lot(2_000, violations, n) for violations in range(20, 1_001, 70)]
    print(
        f"\n{n} labels of 2,000, 1 to 50 % violate: coverage, exactly, {np.mean(held):.3f} and {min(held):.3f} at least"
    )
    assert min(held) >= 0.93
    assert np.mean(held) >= 0.95


def test_a_census_has_no_width_and_nothing_judged_has_no_rate() -> None:
    told = rate([group(80, 80, 3)])
    assert told is not None
    assert told.width == 0
    assert rate([Group(80, np.array([]), np.array([]))]) is None
    assert bounds([Group(80, np.array([]), np.array([]))], [np.array([])]) == (0.0, 1.0)


counts = st.tuples(st.integers(1, 60), st.integers(0, 60), st.integers(0, 500)).map(
    lambda told: (told[0] + told[2], told[0], min(told[1], told[0]))
)


@settings(deadline=None)
@given(st.lists(counts, min_size=1, max_size=4), st.integers(0, 40))
@example([(261, 1, 1), (298, 1, 1), (2, 1, 1)], 0)
def test_bounds_hold_every_answer_that_nobody_gave(parts: list[tuple[int, int, int]], lacking: int) -> None:
    groups = [group(n_units + lacking, n, found) for n_units, n, found in parts]
    missing = [np.full(lacking, one.weights[0]) for one in groups]
    told, whole = rate(groups), bounds(groups, missing)
    assert told is not None
    assert 0 <= told.low <= told.value <= told.high <= 1
    assert whole.low <= told.value + 1e-9
    assert whole.high >= told.value - 1e-9
    if not lacking:
        assert whole == pytest.approx((told.low, told.high))


def test_errors_of_reviewers_widen_a_rate_and_move_it_back() -> None:
    own = errors(Checked(comply=300, alarms=30, violate=60, missed=6, pairs=100, splits=18))
    assert own is not None
    assert own.alarms.low < 0.1 < own.alarms.high
    apparent = [group(100_000, 400, round(400 * (0.02 * 0.9 + 0.98 * 0.1)))]
    plain, told = rate(apparent), rate(apparent, own)
    assert plain is not None
    assert told is not None
    assert told.low <= 0.02 <= told.high
    assert plain.low > 0.05
    few = errors(Checked(comply=5, alarms=0))
    assert rate(apparent, few) == plain, "too few to know"
    assert errors(Checked()) is None


def test_how_many_more_decide() -> None:
    told = rate([group(1_000_000, 200, 10)])
    assert told is not None
    assert more_to_decide(told, 200, 0.2) == 0
    more = more_to_decide(told, 200, 0.04)
    assert more is not None
    assert 200 < more < 20_000
    assert more_to_decide(told, 200, told.value) is None


def said(agent: Agent, review: str, where: str, verdict: str, person: str = "ana") -> None:
    asked = f"SELECT unit_id FROM review_items WHERE review_id = '{review}' AND {where}"
    told = [
        {"unit_id": row["unit_id"], "rule_id": RULE, "verdict": verdict, "review_id": review}
        for row in rows(agent, asked)
    ]
    ask(agent, AddLabels(told), person)


def result(agent: Agent, review: str) -> dict[str, object]:
    [told] = ask(agent, ReviewResults(review))["rules"]
    return dict(told)


def test_picks_move_no_rate_and_what_nobody_judged_is_no_compliance(agent: Agent) -> None:
    review = str(ask(agent, OpenReview(size=120, rules=(RULE,)))["id"])
    said(agent, review, "inclusion_probability IS NOT NULL", "complies")
    before = result(agent, review)
    said(agent, review, "inclusion_probability IS NULL", "violates")
    after = result(agent, review)
    rates = ("value", "low", "high", "bound_low", "bound_high", "sentence")
    assert [after[name] for name in rates] == [before[name] for name in rates]
    assert after["picks"]["violations"] == after["picks"]["judged"] > 0  # type: ignore[index]
    assert str(after["sentence"]).startswith(f"You reviewed {after['n_judged']}, found 0: between 0 % and ")
    half = str(ask(agent, OpenReview(size=120, rules=(RULE,)))["id"])
    said(agent, half, "inclusion_probability IS NOT NULL AND unit_id < '8'", "complies", "ben")
    told = result(agent, half)
    assert told["bound_high"] > 0.4  # type: ignore[operator]
    assert "were not judged: whatever they are" in str(told["not_judged"])
    closed = ask(agent, CloseReview(half))
    assert closed["rules"] == [told]
    said_later = ask(agent, ReviewResults(half))
    assert said_later["rules"] == [told], "as it was when it ended"


def test_where_no_grader_could_tell_none_missed_anything(agent: Agent) -> None:
    with agent.store.transaction() as txn:
        txn.execute("UPDATE base.grades SET verdict = 'not_graded' WHERE rule_id = ? AND unit_id < '8'", [RULE])
    review = str(ask(agent, OpenReview(size=80, rules=(RULE,)))["id"])
    said(agent, review, "true", "violates")
    [asked] = rows(agent, "SELECT count(*) AS n, count(*) FILTER (unit_id < '8') AS silent FROM review_items")
    told = result(agent, review)["graders"]
    assert 0 < asked["silent"] < asked["n"]
    assert (told["n"], told["silent"]) == (asked["n"] - asked["silent"], asked["silent"])  # type: ignore[index]
    assert told["missed"] <= told["n"]  # type: ignore[index]
