"""What is left of 95 % for whoever draws more into a review until the number is liked, and that deciding beforehand keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pytest

from tests.statistics.looking import FIRST, LOOKS, MORE, Look, week

pytestmark = pytest.mark.statistics

WEEKS: Final = 300
WIDE: Final = 0.07
FIRST_ONLY: Final = f"decided beforehand: {FIRST}"
LAST: Final = f"decided beforehand: {FIRST + MORE * (LOOKS - 1)}"
PROVEN: Final = "until all of the interval is below the limit"
LIKED: Final = "until the number is below the limit"
NARROW: Final = "until the interval is narrow"


def _stops(limit: float) -> dict[str, Callable[[Look], bool]]:
    """When somebody stops; who never does stops at the last look."""
    return {
        FIRST_ONLY: lambda _: True,
        LAST: lambda _: False,
        LIKED: lambda look: look.value <= limit,
        PROVEN: lambda look: look.high < limit,
        NARROW: lambda look: look.high - look.low <= WIDE,
    }


def stopped(looks: Sequence[Look], enough: Callable[[Look], bool]) -> Look:
    """Return the look at which somebody stops."""
    return next((look for look in looks if enough(look)), looks[-1])


@pytest.mark.parametrize("limit", [0.05, 0.2])
def test_what_is_left_of_an_interval_for_who_stops_when_it_is_liked(limit: float) -> None:
    """The truth lies at the limit, where wishing does most harm."""
    truth, stops = limit, _stops(limit)
    weeks = [week(truth, seed) for seed in range(WEEKS)]
    held, bias = {}, {}
    print(f"\n{truth:.0%} violate, as the limit allows; {WEEKS} weeks, {LOOKS} looks, {FIRST} labels and {MORE} more")
    for name, enough in stops.items():
        ends = [stopped(looks, enough) for looks in weeks]
        held[name] = float(np.mean([end.holds(truth) for end in ends]))
        bias[name] = float(np.mean([end.value - truth for end in ends]))
        labels = np.mean([end.labels for end in ends])
        below = np.mean([end.high < truth for end in ends])
        print(
            f"  {name}: coverage {held[name]:.3f}, said too low {below:.3f}, bias {bias[name]:+.4f}, {labels:.0f} labels"
        )
    assert min(held[FIRST_ONLY], held[LAST]) >= 0.93
    assert held[PROVEN] <= held[LAST]
    assert bias[LIKED] < bias[LAST], "who stops when the number is liked says too low a number"
