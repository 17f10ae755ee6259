"""How a rate stands against the limits of its rule, in words, and what a chart shows of the limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.charts.over_time import rate_over_time
from dashboards.rules import Rule
from dashboards.words import method_words


def rule(
    *,
    severity: str = "high",
    authority: str = "default",
    zero: bool = False,
    demanding: bool = False,
    asks: str = "judge",
    **limits: float,
) -> Rule:
    told = {
        "id": "R-1",
        "title": "One",
        "severity": severity,
        "authority": authority,
        "zero_tolerance": zero,
        "demanding": demanding,
        "graders": [asks],
        "limits": limits,
    }
    return Rule(told, {"id": "shop"})


def rate(value: float | None, low: float = 0.0, n: int = 500, high: float = 1.0) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n_graded": n}


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (None, "not graded yet"),
        (rate(None), "not graded yet"),
        (rate(0.5, 0.4, n=10), "not enough yet (10 of 30)"),
        (rate(0.3, 0.26), "beyond its incident rate"),
        (rate(0.15, 0.12), "beyond its warning rate"),
        (rate(0.15, 0.05), "above a limit, not surely"),
        (rate(0.02, 0.01), "within its limits, not surely"),
        (rate(0.02, 0.01, high=0.09), "within its limits"),
    ],
)
def test_a_rate_stands_against_its_limits(measured: dict[str, Any] | None, words: str) -> None:
    assert rule(warn=0.1, incident=0.25).standing(measured) == words


def test_a_rule_that_demands_something_of_its_judge_says_why_it_has_no_rate() -> None:
    assert "only proposes" in rule(demanding=True, warn=0.1).standing(rate(None))
    assert rule(demanding=True, warn=0.1).standing(rate(0.15, 0.12)) == "beyond its warning rate"
    assert rule(demanding=True, asks="banned").standing(None) == "not graded yet"


def test_how_a_rate_was_made_is_told_without_statistics() -> None:
    said = method_words(
        "hajek-wilson, clustered by user; rule-based grader, not corrected by human labels; left out: 8 not_graded"
    )
    assert said == (
        "Each answer weighs by how likely it was picked, and each user counts as one; judged by a rule-based grader, "
        "not corrected by human labels; left out: 8 not graded."
    )


def test_one_case_is_too_many_where_the_policy_says_so() -> None:
    assert "one is too many" in rule(zero=True, incident=0.25).standing(rate(0.001))


def test_advice_comes_after_every_duty() -> None:
    order = [rule(severity="critical"), rule(severity="low"), rule(severity="critical", authority="advisory")]
    assert [one.rank for one in order] == sorted(one.rank for one in order)


def test_distance_is_a_multiple_of_the_nearest_limit() -> None:
    assert rule(warn=0.1, incident=0.25).distance(rate(0.2)) == pytest.approx(2.0)
    assert rule().distance(rate(0.2)) == -1.0


DAY = datetime(2026, 11, 1, tzinfo=UTC)


def chart(limits: list[tuple[float, str]], n_first: int = 200) -> str:
    rows = [{"time": DAY + timedelta(days=k), "value": 0.02, "low": 0.01, "high": 0.04, "n": 200} for k in range(1, 6)]
    first = {"time": DAY, "value": 0.9, "low": 0.3, "high": 1.0, "n": n_first}
    return rate_over_time([first, *rows], timedelta(days=1), limits=limits)


def test_a_tiny_first_day_does_not_set_the_axis() -> None:
    assert ">5.0 %</b>" not in chart([], n_first=3)
    assert ">4.0 %</b>" in chart([], n_first=3)
    assert ">100.0 %</b>" in chart([], n_first=200)


def test_a_limit_near_the_data_is_drawn_and_a_far_one_does_not_flatten_it() -> None:
    drawn = chart([(0.05, "warning"), (0.9, "incident")], n_first=3)
    assert "warning</u>" in drawn
    assert "incident" not in drawn
    assert ">4.0 %</b>" in drawn


def test_a_rate_by_strata_is_told_without_statistics() -> None:
    said = method_words(
        "stratified-wilson, by what local graders say, clustered by user; graded by a judge, not yet checked by people"
    )
    assert said.startswith(
        "The judge is asked more often where it tells more, which is weighed out, and each user counts as one"
    )
    assert "stratified" not in said
