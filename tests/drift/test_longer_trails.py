"""A trail that grows in memory is, once it is thinned, the one that is thinned at every batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.drift.points import Points, single
from monitor.drift.state import Trail, shorts
from monitor.drift.trail import extend, longer, read_trail, thinned, write_trail

SECOND = 1000


def batches(seed: int, sizes: list[int]) -> list[Points]:
    """Outputs in batches; some come late."""
    rng = np.random.default_rng(seed)
    found, at = [], 1_700_000_000 * SECOND
    for size in sizes:
        times = at + SECOND * np.cumsum(rng.integers(-2, 60, size))
        found.append(single(times, rng.random(size) * 300, rng.integers(0, 4, size)))
        at = int(times[-1])
    return found


def grown(trail: Trail, points: Points) -> Trail:
    return longer(trail, ((points.time // SECOND).tolist(), points.combo.tolist(), shorts(points.value)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1_000), st.lists(st.integers(1, 90), min_size=2, max_size=9), st.integers(1, 8))
def test_thinned_late_is_thinned_often(seed: int, sizes: list[int], every: int) -> None:
    first, *rest = batches(seed, sizes)
    often = late = write_trail(first, np.arange(len(first)), len(first))
    for number, points in enumerate(rest):
        whole, positions = extend(often, points)
        often = write_trail(whole, positions, often.count + len(points))
        late = grown(late, points)
        if number % every == 0:
            [late] = thinned([late])
    assert thinned([late, often]) == [often, often]
    kept, positions = read_trail(late)
    assert positions.tolist() == read_trail(often)[1].tolist()
    assert kept.value.tolist() == read_trail(often)[0].value.tolist()


@pytest.mark.parametrize("n", [1, 65, 400])
def test_what_is_loose_is_there(n: int) -> None:
    first, more = batches(1, [50, n])
    before = write_trail(first, np.arange(50), 50)
    trail = grown(before, more)
    assert (trail.count, trail.loose, len(trail.value)) == (50 + n, n, len(before.value) + n)
    assert sum(length for _, length in trail.combo) == len(trail.value)
