"""Intervals of reviews hold what they say: 500 weeks with known truth, gold, doubles, picks, and people who err."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.model.values import Estimate
from tests.statistics.review_weeks import Office, Week

pytestmark = pytest.mark.statistics

WEEKS = 500


@pytest.mark.parametrize("errs", [0.0, 0.1])
def test_intervals_of_reviews_hold_the_truth(errs: float) -> None:
    weeks = list(Office(seed=20261128, errs=errs).weeks(WEEKS))
    held = np.mean([week.told["low"] <= week.truth <= week.told["high"] for week in weeks])
    off = np.array([week.told["value"] - week.truth for week in weeks])
    width = np.mean([week.told["high"] - week.told["low"] for week in weeks])
    moved = np.max([abs(week.told["value"] - week.without["value"]) for week in weeks])
    bounds = np.mean([week.told["bound_low"] <= week.truth <= week.told["bound_high"] for week in weeks])
    print(
        f"\nreviewers who err {errs:.0%}: {WEEKS} weeks, coverage {held:.3f}, mean width {width:.4f}, "
        f"bias {off.mean():+.5f} (standard error {off.std() / WEEKS**0.5:.5f}), picks move a rate by {moved:.1e} at most, "
        f"corrected in {np.mean([week.told['corrected'] for week in weeks]):.0%}"
    )
    assert held >= 0.93
    assert moved == 0
    if not errs:
        assert bounds >= 0.93
        assert abs(off.mean()) < 4 * off.std() / WEEKS**0.5
    _published(weeks, errs)


def _published(weeks: list[Week], errs: float) -> None:
    rates = [(week.truth, *_bounds(week.published)) for week in weeks]
    held = np.mean([low <= truth <= high for truth, low, high in rates])
    width = np.mean([high - low for _, low, high in rates])
    reckoned = np.mean(["own errors" in week.published.method for week in weeks])
    print(
        f"published rates, {errs:.0%}: coverage {held:.3f}, mean width {width:.4f}, own errors reckoned in {reckoned:.0%}"
    )
    assert held >= 0.93


def _bounds(rate: Estimate) -> tuple[float, float]:
    assert rate.low is not None
    assert rate.high is not None
    return rate.low, rate.high
