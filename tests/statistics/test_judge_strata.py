"""A judge that can look at some answers only: rates cover where it is asked by strata, and are narrower than by application alone."""

from __future__ import annotations

import pytest

from tests.statistics.judged import held
from tests.statistics.strata import BY_APP, BY_BAND, Cheap, days

pytestmark = pytest.mark.statistics

GRADERS = (Cheap(0.7, 0.02), Cheap(0.5, 0.05), Cheap(0.3, 0.1), Cheap(0.1, 0.1, unsure=(0.1, 0.1)))
DAYS = 3_000


@pytest.mark.parametrize("cheap", GRADERS, ids=str)
@pytest.mark.parametrize("calls", [100, 300])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_rates_of_strata_cover_and_are_narrower(rate: float, calls: int, cheap: Cheap) -> None:
    """Nominal .95; 2,000 answers a day, a judge for at most so many of them. The last graders tell nothing: strata by them cost little."""
    found = held(list(days(rate, cheap, calls, DAYS, seed=calls)), rate)
    gain = 1 - found[BY_BAND].width / found[BY_APP].width
    told = ", ".join(f"{way} {one.coverage:.3f} / {one.width:.4f}" for way, one in found.items())
    print(f"\nrate {rate:g}, {calls} calls, {cheap}: coverage / width: {told}; narrower by {gain:.0%}")
    assert found[BY_BAND].coverage >= (0.93 if rate == 0.01 and calls == 100 else 0.925)
    assert gain > (0.08 if cheap.finds >= 0.5 else -0.1)
