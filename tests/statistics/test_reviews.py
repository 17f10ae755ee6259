"""Intervals of reviews hold what they say: 500 weeks with known truth, gold, doubles, picks, and people who err."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistics.review_weeks import Office

pytestmark = pytest.mark.statistics

WEEKS = 500


@pytest.mark.parametrize("errs", [0.0, 0.1])
def test_intervals_of_reviews_hold_the_truth(errs: float) -> None:
    told = list(Office(seed=20261128, errs=errs).weeks(WEEKS))
    held = np.mean([week["low"] <= truth <= week["high"] for truth, week, _ in told])
    off = np.array([week["value"] - truth for truth, week, _ in told])
    width = np.mean([week["high"] - week["low"] for _, week, _ in told])
    moved = np.max([abs(week["value"] - without["value"]) for _, week, without in told])
    bounds = np.mean([week["bound_low"] <= truth <= week["bound_high"] for truth, week, _ in told])
    print(
        f"\nreviewers who err {errs:.0%}: {WEEKS} weeks, coverage {held:.3f}, mean width {width:.4f}, "
        f"bias {off.mean():+.5f} (standard error {off.std() / WEEKS**0.5:.5f}), picks move a rate by {moved:.1e} at most, "
        f"corrected in {np.mean([week['corrected'] for _, week, _ in told]):.0%}"
    )
    assert held >= 0.93
    assert moved == 0
    if not errs:
        assert bounds >= 0.93
        assert abs(off.mean()) < 4 * off.std() / WEEKS**0.5
