"""How often intervals hold the truth: rates on human labels, and A/B tests that are looked at sixty times."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from monitor.stats.confidence_sequence import compare_ratios, ratio_mean
from monitor.stats.estimators import clustered_interval, hajek
from monitor.stats.intervals import wilson
from monitor.stats.srm import MISMATCH, srm_e_value
from tests.statistics.outputs import features
from tests.support.shared import DATA, needs_shared

pytestmark = [needs_shared, pytest.mark.statistics]

LABELS = {"gptfuzz_human": "human_jailbroken", "halueval_general": "human_hallucination"}


@pytest.mark.parametrize("n", [100, 300])
@pytest.mark.parametrize("file", LABELS)
def test_rates_of_samples_cover_the_human_truth(file: str, n: int) -> None:
    """1,500 samples of n outputs; plain, and drawn with probabilities from 1/4 to 1."""
    labels = pl.read_parquet(DATA / f"{file}.parquet")[LABELS[file]].to_numpy().astype(float)
    rng = np.random.default_rng(9)
    hits = np.zeros(2)
    for _ in range(1500):
        plain = rng.choice(labels, n, replace=False)
        hits[0] += _covers(plain, np.ones(n), np.arange(n), labels.mean())
        weight = rng.choice([0.25, 0.5, 1.0], len(labels))
        picked = rng.random(len(labels)) < weight * n / len(labels) / (7 / 12)
        y, p = labels[picked], weight[picked]
        hits[1] += _covers(y, p, np.arange(len(y)), labels.mean())
    print(
        f"\n{file} n={n}: true {labels.mean():.3f}, coverage plain {hits[0] / 1500:.3f}, unequal {hits[1] / 1500:.3f}"
    )
    assert (hits / 1500 >= 0.925).all()


@pytest.mark.parametrize("n", [100, 300, 1000])
def test_rare_violations_are_covered(n: int) -> None:
    rng = np.random.default_rng(10)
    hits = sum(_covers((rng.random(n) < 0.01).astype(float), np.ones(n), np.arange(n), 0.01) for _ in range(3000))
    print(f"\nrare violations 1 %, n={n}: coverage {hits / 3000:.3f}")
    assert hits / 3000 >= 0.93


def test_correlated_users_are_covered_and_a_naive_interval_is_not() -> None:
    """300 answers of 60 users whose habits differ: Wilson over answers against Wilson over what the users are worth."""
    rng = np.random.default_rng(11)
    ours, naive = 0, 0
    for _ in range(1500):
        users = np.repeat(np.arange(60), 5)
        y = (rng.random(300) < rng.beta(0.6, 1.4, 60)[users]).astype(float)
        ours += _covers(y, np.ones(300), users, 0.3)
        low, high = wilson(float(y.sum()), 300)
        naive += low <= 0.3 <= high
    print(f"\nclustered users: coverage {ours / 1500:.3f}, naive Wilson {naive / 1500:.3f}")
    assert ours / 1500 >= 0.93
    assert naive / 1500 < 0.85


def _covers(y: np.ndarray, probability: np.ndarray, clusters: np.ndarray, truth: float) -> bool:
    (low, high), _ = clustered_interval(hajek(y, probability, clusters))
    return low <= truth <= high


@pytest.mark.parametrize("metric", ["output_chars", "rule:sorry"])
@pytest.mark.parametrize("per_user", [1, 5])
def test_no_winner_among_equal_arms_in_sixty_looks(metric: str, per_user: int) -> None:
    """300 A/A tests of 3,000 users, looked at 60 times; repeat users have their own habits."""
    values = features("gpt-3.5-turbo-0613")[metric].to_numpy()
    ordered = np.sort(values)
    rng = np.random.default_rng(12)
    winners = sum(_winner(rng, ordered, per_user) for _ in range(300))
    print(f"\nA/A {metric}, {per_user} requests a user: {winners / 300:.3f} false winners in 60 looks")
    assert winners / 300 <= 0.05


def _winner(rng: np.random.Generator, ordered: np.ndarray, per_user: int) -> bool:
    """A user's outputs are drawn around the user's own quantile."""
    users, taste = 3000, rng.random(3000)
    n = rng.poisson(per_user - 1, users) + 1
    totals = np.zeros(users)
    for number in range(int(n.max())):
        place = np.clip(taste + rng.normal(0, 0.1, users), 0, 0.999) if per_user > 1 else taste
        totals += np.where(number < n, ordered[(place * len(ordered)).astype(int)], 0.0)
    arm = rng.integers(0, 2, users)
    for seen in np.linspace(50, users, 60).astype(int):
        sides = [np.flatnonzero(arm[:seen] == side) for side in (0, 1)]
        if min(map(len, sides)) < 30:
            continue
        means = [ratio_mean(n[side], totals[side]) for side in sides]
        low, high = compare_ratios(means[0], means[1], 0.05).interval
        if not low <= 0 <= high:
            return True
    return False


def test_sample_ratio_alarms() -> None:
    """A/A: 200 experiments of 100,000 users looked at every 100. 52/48: the median number of users until it is noticed."""
    rng = np.random.default_rng(13)
    false = sum(_noticed(rng, 0.5, 100_000) is not None for _ in range(200))
    found = [_noticed(rng, 0.52, 100_000) for _ in range(100)]
    median = np.median([users or np.inf for users in found])
    print(f"\nsample ratio: A/A alarms {false}/200; 52/48 noticed after {median:.0f} users (median)")
    assert false <= 1
    assert median <= 15_000


def _noticed(rng: np.random.Generator, share: float, users: int) -> int | None:
    treated = np.cumsum(rng.binomial(100, share, users // 100))
    for look, count in enumerate(treated.tolist(), 1):
        if srm_e_value([count, 100 * look - count], [0.5, 0.5]) >= MISMATCH:
            return 100 * look
    return None
