from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import EstimateSettings
from monitor.estimates import estimate_rates

DAY = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
DAILY = EstimateSettings()


def grades(verdicts: list[str], **columns: Any) -> pl.DataFrame:
    n = len(verdicts)
    base = {
        "unit_id": [f"u{i}" for i in range(n)],
        "time": [DAY + timedelta(minutes=i) for i in range(n)],
        "app": ["support"] * n,
        "rule_id": ["no-secrets"] * n,
        "verdict": verdicts,
        "grader": ["secret"] * n,
        "inclusion_probability": [1.0] * n,
        "user_id": [None] * n,
        "session_id": [None] * n,
        "environment": ["prod"] * n,
    }
    kinds: dict[str, Any] = {"time": pl.Datetime("us"), "user_id": pl.String, "session_id": pl.String}
    return pl.DataFrame({**base, **columns}, schema_overrides=kinds)


def test_a_rate_has_its_interval_its_counts_and_the_name_of_its_method() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 90)
    [rate] = estimate_rates(rows, rows, DAILY)
    assert (rate.value, rate.n_units, rate.n_graded, rate.n_human) == (0.1, 100, 100, 0)
    assert (round(rate.low or 0, 4), round(rate.high or 0, 4)) == pytest.approx((0.0552, 0.1744), abs=1e-3)
    assert rate.method == "hajek-wilson, clustered by user; rule-based grader, not corrected by human labels"
    assert (rate.rule_id, rate.app, rate.segment, rate.confidence) == ("no-secrets", "support", "all", 0.95)


@pytest.mark.parametrize("window", ["1d", "1h", "6h"])
def test_windows_are_aligned_in_utc_and_share_no_unit(window: str) -> None:
    rows = grades(["complies"] * 3000)
    rates = estimate_rates(rows, rows, EstimateSettings(window=window))
    assert sum(rate.n_units for rate in rates) == 3000
    span = rates[0].window_end - rates[0].window_start
    for rate in rates:
        assert (rate.window_start - datetime(1970, 1, 1, tzinfo=UTC)) % span == timedelta(0)
    assert all(a.window_end == b.window_start for a, b in itertools.pairwise(rates))


def test_what_could_not_be_judged_is_counted_and_is_not_a_pass() -> None:
    rows = grades(["violates"] * 6 + ["complies"] * 6 + ["borderline"] * 5 + ["cannot_judge"] * 3 + ["not_graded"])
    [rate] = estimate_rates(rows, rows, DAILY)
    assert (rate.value, rate.n_graded, rate.n_units) == (0.5, 12, 21)
    assert rate.method.endswith("; left out: 5 borderline, 3 cannot_judge, 1 not_graded")


def test_without_a_decisive_verdict_the_rate_is_unknown_not_zero() -> None:
    rows = grades(["cannot_judge", "not_graded"])
    [rate] = estimate_rates(rows, rows, DAILY)
    assert (rate.value, rate.low, rate.high, rate.n_graded) == (None, None, None, 0)
    assert rate.method.startswith("no decisive verdict")


def test_units_nobody_graded_count_as_traffic_only() -> None:
    rows = grades(["complies"] * 40)
    [rate] = estimate_rates(rows.head(10), rows, DAILY)
    assert (rate.n_units, rate.n_graded) == (40, 10)


def test_a_unit_drawn_with_a_quarter_counts_for_four() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 10, inclusion_probability=[1.0] * 10 + [0.25] * 10)
    [rate] = estimate_rates(rows, rows, DAILY)
    assert rate.value == pytest.approx(10 / 50)


@pytest.mark.parametrize("column", ["user_id", "session_id"])
def test_many_answers_of_one_user_are_one_witness(column: str) -> None:
    verdicts = ["violates"] * 50 + ["complies"] * 150
    alone = grades(verdicts)
    chatty = grades(verdicts, **{column: [f"p{i // 25}" for i in range(200)]})
    (free,), (tied,) = (estimate_rates(rows, rows, DAILY) for rows in (alone, chatty))
    assert free.value == tied.value
    assert (tied.high or 0) - (tied.low or 0) > 2 * ((free.high or 0) - (free.low or 0))


def test_segments_are_published_beside_the_whole_and_unknown_values_only_in_the_whole() -> None:
    places: list[str | None] = [*["prod"] * 60, *["test"] * 30, *[None] * 10]
    rows = grades(["complies"] * 60 + ["violates"] * 30 + ["complies"] * 10, environment=places)
    rates = {r.segment: r for r in estimate_rates(rows, rows, EstimateSettings(segments=("environment", "nonsense")))}
    assert {name: rate.n_units for name, rate in rates.items()} == {
        "all": 100,
        "environment=prod": 60,
        "environment=test": 30,
    }
    assert rates["environment=test"].value == 1.0
    assert "exact" in rates["environment=test"].method


def test_labels_by_people_are_counted_and_named() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 30, grader=["human:ana"] * 15 + ["secret"] * 25)
    [rate] = estimate_rates(rows, rows, DAILY)
    assert rate.n_human == 15
    assert "15 of 40 labels by people" in rate.method


def test_nothing_graded_is_no_estimate() -> None:
    rows = grades(["complies"])
    assert estimate_rates(rows.clear(), rows, DAILY) == []


def test_the_order_of_the_rows_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    verdicts = rng.choice(["violates", "complies", "borderline"], 300).tolist()
    rows = grades(verdicts, rule_id=rng.choice(["a", "b"], 300), user_id=rng.choice(["x", "y", "z"], 300).tolist())
    assert estimate_rates(rows, rows, DAILY) == estimate_rates(
        rows.sample(fraction=1, shuffle=True, seed=2), rows, DAILY
    )
