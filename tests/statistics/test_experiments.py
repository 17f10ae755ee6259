"""False winners where arms are the same and are looked at sixty times, and how soon a harm pauses a small rollout.

`make statistics` prints the tables; `python -m tests.statistics.experiments_looked_at` runs a thousand in parts.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from monitor.stats.intervals import clopper_pearson
from tests.statistics.experiments_looked_at import harmed, harmless, same, summed

pytestmark = pytest.mark.statistics

RUNS = int(os.environ.get("PLUMBLINE_RUNS", "300"))


def test_arms_that_are_the_same_have_no_winner_in_sixty_looks() -> None:
    """Family-wise over three metrics (ratios of what users add up to), two arms, ramps, an arm that ends and a heavy user."""
    read = [same(seed) for seed in range(RUNS)]
    print(f"\n{summed('same', [vars(one) for one in read])}")
    won = sum(one.winner for one in read)
    assert all(one.numbers for one in read)
    assert clopper_pearson(won, RUNS, 0.95).high <= 0.065 if RUNS >= 1000 else won <= 0.065 * RUNS
    assert sum(not one.held for one in read) <= 0.05 * RUNS


@pytest.mark.parametrize("runs", [max(20, RUNS // 10)])
def test_a_harm_of_five_points_pauses_a_small_rollout_soon(runs: int) -> None:
    paused, false = [harmed(seed) for seed in range(runs)], [harmless(seed) for seed in range(runs)]
    print(f"\n5 points at 5 %: {summed('harmed', paused)}; {summed('harmless', false)}")
    assert float(np.median([np.inf if number is None else number for number in paused])) <= 600
    assert sum(number is not None for number in false) <= max(1, 0.01 * runs)
