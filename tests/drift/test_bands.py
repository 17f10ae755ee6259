"""How wide the band around a reference is: exact for yes and no, wider for shares, and by the stream's part of the budget."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from monitor.config.schema import DriftSettings
from monitor.drift.calendar import NO_WEEK
from monitor.drift.decide import tracker_settings
from monitor.drift.points import single
from monitor.drift.reference import band, build
from monitor.drift.state import Reference
from monitor.stats.ranks import Floats

Z = 3.0


def of_rate(values: Floats) -> Reference:
    none = np.zeros(len(values), dtype=np.int64)
    return build("rule:pii", single(np.arange(len(values)), values, none), NO_WEEK)


@pytest.mark.parametrize("rate", [0.004, 0.05, 0.5, 0.97])
def test_a_band_of_yes_and_no_misses_no_more_often_than_it_says(rate: float) -> None:
    """Over all outcomes of a reference of 250, and nearly as often as it says where outcomes are fine enough."""
    chances, missed = stats.binom.pmf(np.arange(251), 250, rate), 0.0
    for hits, chance in enumerate(chances):
        limits = band(of_rate((np.arange(250) < hits).astype(float)), Z, floor=0.0)
        missed += chance * (not limits.low[0] <= rate <= limits.high[0])
    assert missed <= math.exp(-Z * Z / 2)
    if rate == 0.5:
        assert missed > math.exp(-Z * Z / 2) / 4


def test_users_who_ask_often_within_an_hour_are_shares_and_have_a_wider_band() -> None:
    coins = band(of_rate(np.tile([1.0, 0.0, 0.0, 0.0], 100)), Z, floor=0.0)
    shares = band(of_rate(np.tile([0.5, 0.5, 0.0, 0.0], 100)), Z, floor=0.0)
    assert shares.low[0] < coins.low[0] < 0.25 < coins.high[0] < shares.high[0]


def test_the_larger_part_of_the_budget_has_the_narrower_band() -> None:
    reference = of_rate(np.tile([1.0, 0.0, 0.0, 0.0], 100))
    settings = tracker_settings(DriftSettings())
    large, small = (replace(settings, share=share).week(reference) for share in (0.2, 0.01))
    assert small.low[0, 0] < large.low[0, 0]
    assert large.high[0, 0] < small.high[0, 0]
