from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stats.confidence_sequence import compare_ratios, half_width, ratio_mean, users_to_halve
from monitor.stats.srm import MISMATCH, srm_e_value


def test_the_variance_is_that_of_the_delta_method() -> None:
    rng = np.random.default_rng(1)
    values, claimed = [], []
    for _ in range(600):
        counts = rng.poisson(3, 300) + 1
        totals = rng.normal(2, 1, 300) * counts + rng.normal(0, 1, 300)
        mean = ratio_mean(counts, totals)
        values.append(mean.value)
        claimed.append(mean.unit_variance / mean.users)
    assert np.mean(claimed) == pytest.approx(np.var(values), rel=0.12)


@given(st.integers(30, 10_000), st.floats(0.01, 100), st.sampled_from([0.001, 0.01, 0.05]))
def test_the_width_shrinks_with_users_and_grows_with_variance_and_confidence(
    n: int, variance: float, alpha: float
) -> None:
    width = half_width(n, variance, alpha)
    assert half_width(2 * n, variance, alpha) < width
    assert half_width(n, 4 * variance, alpha) == pytest.approx(2 * width)
    assert half_width(n, variance, alpha / 2) > width


def test_looking_at_any_time_costs_less_than_twice_the_width() -> None:
    """The price of peeking, against a single look at the size the sequence is tuned for."""
    assert 1.3 < half_width(1000, 1.0, 0.05) / (1.96 / np.sqrt(1000)) < 2


def test_swapping_the_arms_turns_the_effect_around() -> None:
    rng = np.random.default_rng(2)
    a, b = (ratio_mean(np.ones(80), rng.normal(m, 1, 80)) for m in (0, 1))
    there, back = compare_ratios(a, b, 0.05), compare_ratios(b, a, 0.05)
    assert there.effect == -back.effect
    assert there.interval.low == pytest.approx(-back.interval.high)


@pytest.mark.parametrize("users", [40, 1000, 20_000])
def test_so_many_more_users_halve_the_width(users: int) -> None:
    rng = np.random.default_rng(3)
    a, b = (ratio_mean(np.ones(users // 2), rng.normal(0, 1, users // 2)) for _ in range(2))
    found = compare_ratios(a, b, 0.05)
    more = users_to_halve(found, 0.05)
    variance = found.users * found.standard_error**2
    assert half_width(users + more, variance, 0.05) == pytest.approx(half_width(users, variance, 0.05) / 2, rel=0.01)


def test_without_variance_nothing_has_to_be_halved() -> None:
    same = ratio_mean(np.ones(50), np.ones(50))
    assert compare_ratios(same, same, 0.05).interval == (0, 0)
    assert users_to_halve(compare_ratios(same, same, 0.05), 0.05) >= 0


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [1, 1, 2]])
def test_the_expected_e_value_of_a_kept_design_is_one(shares: list[float]) -> None:
    rng = np.random.default_rng(4)
    p = np.array(shares) / sum(shares)
    e_values = [srm_e_value(rng.multinomial(400, p).tolist(), shares) for _ in range(4000)]
    assert np.mean(e_values) == pytest.approx(1, rel=0.1)


def test_a_split_of_52_to_48_is_found_and_an_unequal_design_is_no_mismatch() -> None:
    assert srm_e_value([7800, 7200], [0.5, 0.5]) > MISMATCH
    assert srm_e_value([9000, 1000], [0.9, 0.1]) < 1
    assert srm_e_value([9000, 1000], [0.5, 0.5]) > MISMATCH
    assert srm_e_value([10**9, 1], [0.5, 0.5]) > MISMATCH


@pytest.mark.parametrize(("counts", "shares"), [([1], [1.0]), ([1, 2], [1.0]), ([1, -1], [0.5, 0.5]), ([1, 1], [1, 0])])
def test_a_design_that_is_none_is_refused(counts: list[int], shares: list[float]) -> None:
    with pytest.raises(ValueError, match=r"arms|shares|zero"):
        srm_e_value(counts, shares)
