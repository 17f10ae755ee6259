from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stats.budget import LEAST, alarm_threshold, band_z, smallest_change
from monitor.stats.ebh import e_bh
from monitor.stats.edetector import Band, advance, no_evidence


def test_the_expected_false_alarms_of_all_streams_add_up_to_the_budget() -> None:
    paces = [1000.0, 50_000.0, 7.3e6]
    expected = [pace / alarm_threshold(pace, len(paces), alarms=2) for pace in paces]
    assert sum(expected) == pytest.approx(2)


def test_a_slow_stream_keeps_a_threshold_that_means_something() -> None:
    assert alarm_threshold(3, 1, 1) == LEAST


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="never raising one"):
        alarm_threshold(100, 1, 0)


def test_more_streams_and_stages_widen_the_band() -> None:
    widths = [band_z(*parts) for parts in ((1, 1, 1), (22, 1, 1), (22, 7, 1), (22, 7, 4))]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1] < 5


def test_the_smallest_change_is_found_in_about_the_time_it_names() -> None:
    rng = np.random.default_rng(4)
    edge, threshold, within = 0.2, 1e5, 300
    moved = edge + smallest_change(edge, threshold, within)
    band = Band(np.array([0.1]), np.array([edge]))
    delays = [
        advance(no_evidence(1), (rng.random((3000, 1)) < moved).astype(float), band, threshold).used for _ in range(100)
    ]
    assert within / 2 < np.median(delays) < within * 1.3


def test_what_cannot_be_found_in_time_is_said_so() -> None:
    assert smallest_change(0.9, 1e6, 10) == math.inf
    assert smallest_change(1.0, 1e6, 10_000) == math.inf


@given(st.lists(st.floats(0, 1e6), max_size=8), st.sampled_from([0.05, 0.2]))
def test_e_bh_finds_the_largest_set_that_its_rule_allows(values: list[float], q: float) -> None:
    found = e_bh(values, q)
    assert [values[i] for i in found] == sorted((values[i] for i in found), reverse=True)
    sizes = [
        k
        for k in range(1, len(values) + 1)
        if any(min(combo) >= len(values) / (q * k) for combo in itertools.combinations(values, k))
    ]
    assert len(found) == max(sizes, default=0)
