"""Experiments held against another package: regressions of statsmodels (it comes with evidently), which knows nothing of our formulas."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS  # type: ignore[import-untyped]
from statsmodels.tools import add_constant  # type: ignore[import-untyped]

from monitor.stats.confidence_sequence import compare_ratios, ratio_mean
from monitor.stats.cuped import Sums, adjusted


def of_turns(seed: int, users: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Whose turn each is, and what it measured: users have 1 to some 200 turns, and are alike in themselves."""
    rng = np.random.default_rng(seed)
    turns = np.minimum(200, rng.geometric(0.15, users) ** 2)
    own = np.clip(rng.beta(4 * rate, 4 * (1 - rate), users), 0, 1)
    user = np.repeat(np.arange(users), turns)
    return user, (rng.random(len(user)) < own[user]).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_a_ratio_of_users_is_a_regression_of_turns_with_errors_clustered_by_user(seed: int) -> None:
    sides = [of_turns(2 * seed, 700, 0.1), of_turns(2 * seed + 1, 400, 0.16)]
    control, treated = (ratio_mean(np.bincount(u), np.bincount(u, weights=v)) for u, v in sides)
    ours = compare_ratios(control, treated, alpha=0.05)
    values = np.concatenate([v for _, v in sides])
    arm = np.repeat([0.0, 1.0], [len(v) for _, v in sides])
    users = np.concatenate([sides[0][0], sides[1][0] + 10_000])
    fit = OLS(values, add_constant(arm)).fit(cov_type="cluster", cov_kwds={"groups": users, "use_correction": False})
    assert ours.effect == pytest.approx(fit.params[1], abs=1e-9)
    assert ours.standard_error == pytest.approx(fit.bse[1], rel=3e-3)  # n / (n - 1) of each arm
    assert ours.interval.low < fit.conf_int()[1][0] < fit.conf_int()[1][1] < ours.interval.high


def sums_of(now: np.ndarray, past: np.ndarray) -> Sums:
    ones = np.ones(len(now))
    return Sums(ones, now, ones, past)


@pytest.mark.parametrize("seed", range(5))
def test_what_users_did_before_is_taken_out_as_a_regression_on_it_does(seed: int) -> None:
    rng = np.random.default_rng(50 + seed)
    past = rng.lognormal(5, 0.6, 1_200)
    arm = np.repeat([0.0, 1.0], 600)
    now = 0.7 * past + 9 * arm + rng.normal(0, 40, 1_200)
    fair = adjusted(sums_of(now[arm == 0], past[arm == 0]), sums_of(now[arm == 1], past[arm == 1]))
    assert fair is not None
    ours = compare_ratios(*fair, alpha=0.05)
    fit = OLS(now, add_constant(np.column_stack((arm, past)))).fit(cov_type="HC1")
    bare = OLS(now, add_constant(arm)).fit(cov_type="HC1")
    assert ours.effect == pytest.approx(fit.params[1], rel=1e-6)
    assert ours.standard_error == pytest.approx(fit.bse[1], rel=0.02)
    assert ours.standard_error < 0.7 * bare.bse[1]
