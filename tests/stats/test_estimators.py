from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stats.estimators import (
    Labelled,
    cluster_labels,
    clustered_interval,
    corrected,
    corrected_interval,
    difference,
    effective_n,
    hajek,
    horvitz_thompson,
)

rng_seeds = st.integers(0, 10_000)


def population(rng: np.random.Generator, users: int = 400, per_user: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Violations that come in users: a few users make most of them."""
    rates = rng.beta(0.3, 3, users)
    clusters = np.repeat(np.arange(users), per_user)
    return (rng.random(users * per_user) < rates[clusters]).astype(float), clusters


@given(rng_seeds)
def test_with_everything_graded_all_estimators_are_the_plain_mean(seed: int) -> None:
    y, clusters = population(np.random.default_rng(seed), 20)
    ones = np.ones(len(y))
    for estimated in (
        hajek(y, ones, clusters),
        horvitz_thompson(y, ones, clusters, len(y)),
        difference(y, np.zeros(len(y)), ones, clusters, np.zeros(len(y))),
    ):
        assert estimated.value == pytest.approx(y.mean())


def test_unequal_probabilities_do_not_bias() -> None:
    rng = np.random.default_rng(5)
    y, clusters = population(rng)
    probability = np.where(y > 0, 0.8, 0.2)  # violations are looked at four times as often
    sums = np.zeros(3)
    for _ in range(400):
        picked = rng.random(len(y)) < probability
        part = (y[picked], probability[picked], clusters[picked])
        guess = np.full(len(y), 0.1)
        sums += [
            hajek(*part).value,
            horvitz_thompson(*part, len(y)).value,
            difference(part[0], guess[picked], *part[1:], guess).value,
        ]
    assert sums / 400 == pytest.approx(y.mean(), abs=0.004)


@pytest.mark.parametrize("name", ["hajek", "horvitz_thompson"])
def test_the_variance_is_that_of_repeated_draws_of_users(name: str) -> None:
    rng = np.random.default_rng(6)
    values, claimed = [], []
    for _ in range(500):
        y, clusters = population(rng, 150, 4)
        probability = np.full(len(y), 0.5)
        picked = rng.random(len(y)) < probability
        part = (y[picked], probability[picked], clusters[picked])
        estimated = hajek(*part) if name == "hajek" else horvitz_thompson(*part, len(y))
        values.append(estimated.value)
        claimed.append(estimated.variance)
    assert np.mean(claimed) == pytest.approx(np.var(values), rel=0.15)


def test_copies_of_an_answer_by_one_user_add_no_knowledge() -> None:
    y, users = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0] * 20), np.arange(120)
    once = hajek(y, np.ones(120), users)
    copied = hajek(np.repeat(y, 10), np.ones(1200), np.repeat(users, 10))
    assert effective_n(copied) == pytest.approx(effective_n(once), rel=0.02)
    assert clustered_interval(copied).interval == pytest.approx(clustered_interval(once).interval, abs=0.002)


@given(rng_seeds, st.integers(2, 60), st.integers(1, 6))
def test_the_effective_n_is_at_most_n_and_at_least_one(seed: int, users: int, per_user: int) -> None:
    y, clusters = population(np.random.default_rng(seed), users, per_user)
    estimated = hajek(y, np.ones(len(y)), clusters)
    assert 1 <= effective_n(estimated) <= len(y)
    (low, high), _ = clustered_interval(estimated)
    assert 0 <= low <= estimated.value + 1e-12
    assert estimated.value - 1e-12 <= high <= 1


def test_one_user_alone_says_next_to_nothing() -> None:
    (low, high), method = clustered_interval(hajek(np.ones(500), np.ones(500), np.zeros(500, dtype=int)))
    assert method == "exact"
    assert high - low > 0.9


def test_no_positive_at_all_is_bounded_by_the_number_of_users() -> None:
    (low, high), method = clustered_interval(hajek(np.zeros(1000), np.ones(1000), np.repeat(np.arange(100), 10)))
    assert method == "exact"
    assert low == 0
    assert high == pytest.approx(0.0362, abs=1e-3)


def test_labels_of_clusters_may_have_gaps() -> None:
    y = [1.0, 0.0, 1.0]
    assert hajek(y, np.ones(3), np.array([7, 900, 7])).clusters == 2
    assert cluster_labels(["x", "y", "x"]).tolist() == [0, 1, 0]


def looked_up(y: np.ndarray, n: int) -> Labelled:
    """The first `n` of units that lie in no order, as labelled by lot."""
    return Labelled(np.arange(n), y[:n], np.full(n, n / len(y)))


@given(rng_seeds)
def test_a_correction_is_worth_as_much_as_labels_alone_at_the_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, clusters = (rng.random(1000) < 0.2).astype(float), np.arange(1000)
    labelled = looked_up(y, 100)
    alone = effective_n(hajek(y[:100], labelled.probability, clusters[:100]))
    nonsense, good = (rng.random(1000) < 0.5).astype(float), np.where(rng.random(1000) < 0.95, y, 1 - y)
    of_nonsense, of_good = (corrected(said, np.ones(1000), clusters, labelled) for said in (nonsense, good))
    assert of_nonsense.worth >= alone * 0.999
    assert of_good.worth > of_nonsense.worth
    low, high = corrected_interval(of_good)
    assert 0 <= low <= of_good.value <= high <= 1


def test_a_guess_that_says_the_same_of_all_is_left_out() -> None:
    y = np.array([1.0] * 5 + [0.0] * 95)
    found = corrected(np.ones(1000), np.ones(1000), np.arange(1000), Labelled(np.arange(100), y, np.full(100, 0.1)))
    assert found.value == pytest.approx(0.05)
    assert (found.slope, found.n) == (0.0, 100)
