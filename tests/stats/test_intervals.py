from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from scipy.special import betainc  # type: ignore[import-untyped]

from monitor.stats.intervals import (
    bentkus,
    chernoff,
    clopper_pearson,
    divergence,
    jeffreys,
    median_interval,
    mover,
    newcombe,
    share_interval,
    wilson,
)
from monitor.stats.special import beta_cdf, beta_quantile, student_quantile

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(st.floats(0, 1, allow_subnormal=False), st.floats(0.01, 3000), st.floats(0.01, 3000))
def test_beta_cdf_is_that_of_scipy(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(float(betainc(a, b, x)), abs=1e-9)


@given(st.floats(0.001, 0.999), st.floats(0.5, 500), st.floats(0.5, 500))
def test_beta_quantile_undoes_beta_cdf(p: float, a: float, b: float) -> None:
    assert beta_cdf(beta_quantile(p, a, b), a, b) == pytest.approx(p, abs=1e-8)


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 1000])
@pytest.mark.parametrize("p", [0.6, 0.95, 0.975, 0.995])
def test_student_quantile_is_that_of_scipy(p: float, freedom: int) -> None:
    assert student_quantile(p, freedom) == pytest.approx(float(stats.t.ppf(p, freedom)), rel=1e-6)


@given(counts, confidences)
def test_wilson_is_that_of_scipy(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert wilson(k, n, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(counts, confidences)
def test_clopper_pearson_is_that_of_scipy(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
    assert clopper_pearson(k, n, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-7)


@given(counts, confidences)
def test_an_interval_holds_the_share_and_lies_in_zero_to_one(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    for low, high in (wilson(k, n, confidence), clopper_pearson(k, n, confidence), chernoff(k / n, n, 8.0)):
        assert 0 <= low <= k / n <= high <= 1


@pytest.mark.parametrize("mean", [0.01, 0.1, 0.47])
@pytest.mark.parametrize("n", [60, 250])
def test_bentkus_holds_the_mean_of_values_that_are_no_coins(mean: float, n: int) -> None:
    """Halves and wholes, over all sums that they may have."""
    one = np.array([1 - 1.6 * mean, 1.2 * mean, 0.4 * mean])  # of 0, 1/2 and 1
    chances = np.ones(1)
    for _ in range(n):
        chances = np.convolve(chances, one)
    inside = [low <= mean <= high for low, high in (bentkus(twice / 2, n, 0.99) for twice in range(2 * n + 1))]
    assert 0.99 <= chances[inside].sum() <= 1 + 1e-9


@pytest.mark.parametrize(("k", "n"), [(25, 250), (125, 250), (40, 2000), (1960, 2000)])
def test_coins_have_the_narrowest_bounds_and_chernoffs_are_the_widest(k: int, n: int) -> None:
    error = math.exp(-6)
    coins, shares = clopper_pearson(k, n, 1 - error), bentkus(k, n, 1 - error)
    widths = [bounds.high - bounds.low for bounds in (coins, shares, chernoff(k / n, n, 6.0))]
    assert widths == sorted(widths)


@given(counts)
def test_more_confidence_is_never_narrower(count: tuple[int, int]) -> None:
    wide, narrow = share_interval(*count, 0.99).interval, share_interval(*count, 0.9).interval
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@pytest.mark.parametrize(("k", "n", "method"), [(4, 1000, "exact"), (5, 1000, "wilson"), (997, 1000, "exact")])
def test_few_positives_or_negatives_get_the_exact_interval(k: int, n: int, method: str) -> None:
    assert share_interval(k, n).method == method


@pytest.mark.parametrize("p", [0.002, 0.01, 0.03, 0.3])
@pytest.mark.parametrize("n", [50, 100, 400])
def test_the_chosen_interval_covers_at_least_as_often_as_nearly_promised(p: float, n: int) -> None:
    """Computed over all outcomes, not simulated. Wilson may miss by a little; the exact one never does."""
    k = np.arange(n + 1)
    inside = [low <= p <= high for low, high in (share_interval(float(i), n).interval for i in k)]
    assert stats.binom.pmf(k, n, p)[inside].sum() >= 0.93


@pytest.mark.parametrize("bad", [(-1, 10), (11, 10), (0, 0)])
def test_what_is_not_a_share_is_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        wilson(*bad)


@given(st.floats(0, 1), st.integers(1, 10_000), st.floats(0.5, 20))
def test_chernoff_bounds_are_where_the_divergence_reaches_the_level(mean: float, n: int, log_odds: float) -> None:
    low, high = chernoff(mean, n, log_odds)
    for bound in (low, high):
        if 1e-9 < bound < 1 - 1e-9:
            assert n * divergence(mean, bound) == pytest.approx(log_odds, rel=1e-3, abs=1e-3)


def test_divergence_is_infinite_where_the_model_rules_out_what_happened() -> None:
    assert divergence(0.5, 0.0) == math.inf
    assert divergence(0.0, 0.0) == 0.0


def test_newcombe_is_the_published_example() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80."""
    low, high = newcombe((48, 80), (56, 70))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


@given(counts, counts)
def test_newcombe_turns_around_when_the_sides_do(a: tuple[int, int], b: tuple[int, int]) -> None:
    there, back = newcombe(a, b), newcombe(b, a)
    assert there.low == pytest.approx(-back.high)
    assert there.high == pytest.approx(-back.low)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_a_median_lies_in_its_interval(values: list[float]) -> None:
    low, high = median_interval(values)
    assert low <= float(np.median(values)) <= high


def test_mover_of_two_medians_covers_a_known_shift() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        a, b = rng.lognormal(0, 1, 200), rng.lognormal(0.4, 1, 150)
        medians = (float(np.median(a)), float(np.median(b)))
        low, high = mover(medians, [median_interval(a.tolist()), median_interval(b.tolist())])
        hits += low <= math.exp(0.4) - 1 <= high
    assert hits >= 0.93 * 400


@pytest.mark.parametrize(("positives", "n"), [(0.0, 20.0), (3.5, 40.25), (20.0, 20.0)])
def test_the_interval_of_jeffreys_holds_the_share_and_lies_within_the_exact_one(positives: float, n: float) -> None:
    low, high = jeffreys(positives, n)
    exact = clopper_pearson(positives, n)
    assert exact.low <= low <= positives / n <= high <= exact.high
