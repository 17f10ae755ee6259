"""Experiments that are looked at sixty times: false winners where arms are the same, and how soon a harm pauses a rollout.

Traffic as it comes: users return, some are heavy, one has a fifth of all turns; shares are ramped, one arm ends early, what users
did before is known of most. `make statistics` prints the tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import ExperimentSettings, MetricSettings, PhaseSettings
from monitor.experiments import compare_arms
from monitor.model.values import Comparison
from monitor.stats.intervals import clopper_pearson
from monitor.stats.ranks import Floats

pytestmark = pytest.mark.statistics

BEGUN = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
LOOKS, DAYS = 60, 12.0
RUNS = int(os.environ.get("PLUMBLINE_RUNS", "300"))
METRICS = ("rule:x", "duration_ms", "score:helpful")
CALLED = ("better", "worse", "differs")


@dataclass(frozen=True)
class Turns:
    """Turns in order of time: day, number of the user, and a value of each metric; arms and pasts are by user."""

    day: Floats
    user: np.ndarray
    values: Floats
    arm: np.ndarray
    past: Floats  # users x metrics x (count, total)

    def seen(self, until: float) -> pl.DataFrame:
        """Return the sums of what came until a day, as the store keeps them."""
        upto = int(np.searchsorted(self.day, until))
        user, values = self.user[:upto], self.values[:upto]
        known, first, n = np.unique(user, return_index=True, return_counts=True)
        last = np.zeros(len(self.arm))
        last[user] = self.day[:upto]  # the later of two assignments stands
        came, gone = (_times(days) for days in (self.day[first], last[known]))
        parts = [
            pl.DataFrame(
                {
                    "experiment": "tone",
                    "arm": self.arm[known],
                    "metric": metric,
                    "unit": known.astype(str),
                    "n": n,
                    "total": np.bincount(user, values[:, column], len(self.arm))[known],
                    "first": came,
                    "last": gone,
                    "past_n": self.past[known, column, 0].astype(np.int64),
                    "past_total": self.past[known, column, 1],
                }
            )
            for column, metric in enumerate(METRICS[: self.values.shape[1]])
        ]
        return pl.concat(parts)


def _times(days: Floats) -> np.ndarray:
    return np.datetime64(BEGUN, "us") + (days * 86_400e6).astype("timedelta64[us]")


def traffic(rng: np.random.Generator, arm: np.ndarray, came: Floats, harm: float = 0.0, heavy: int = 200) -> Turns:
    """Users of these arms who come at these days and return; the last user has `heavy` turns. Arm B breaks a rule `harm` more often."""
    users = len(arm)
    counts = 1 + rng.negative_binomial(0.5, 0.25, users)
    counts[users // 2] = max(heavy, counts[users // 2])
    user = np.repeat(np.arange(users), counts)
    late = np.repeat(np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts) > 0, 1)
    day = came[user] + np.where(late, rng.exponential(2.0, len(user)), 0.0)
    usual = np.stack(
        [rng.beta(2, 38, users), rng.lognormal(0, 0.5, users), rng.normal(0.6, 0.15, users).clip(0, 1)], axis=1
    )
    worse = np.where(arm == "B", harm, 0.0)

    def turns(of: np.ndarray, more: Floats) -> Floats:
        broken = rng.random(len(of)) < usual[of, 0] + more[of]
        took = 800 * usual[of, 1] * rng.lognormal(0, 0.6, len(of))
        return np.stack([broken.astype(float), took, (rng.random(len(of)) < usual[of, 2]).astype(float)], axis=1)

    before = np.repeat(np.arange(users), np.where(rng.random(users) < 0.7, counts, 0))
    values, earlier = turns(user, worse), turns(before, np.zeros(users))
    seen = np.bincount(before, minlength=users).astype(np.float64)
    past = np.stack(
        [np.stack([seen, np.bincount(before, earlier[:, column], users)], axis=1) for column in range(values.shape[1])],
        axis=1,
    )
    order = np.argsort(day, kind="stable")
    return Turns(day[order], user[order], values[order], arm, np.asarray(past, dtype=np.float64))


def ramped(rng: np.random.Generator, users: int = 1_500) -> tuple[Turns, ExperimentSettings]:
    """Arm B has a tenth of the users for three days, then half; arm C ends after five days."""
    came = np.sort(rng.uniform(0, DAYS, users))
    share = np.where(came < 3, 0.1, 0.45)
    draw = rng.random(users)
    arm = np.where(draw < share, "B", np.where((draw < share + 0.1) & (came < 5), "C", "A"))
    first, then, last = {"A": 80.0, "B": 10.0, "C": 10.0}, {"A": 45.0, "B": 45.0, "C": 10.0}, {"A": 55.0, "B": 45.0}
    split = (PhaseSettings("2026-01-05", first), PhaseSettings("2026-01-08", then), PhaseSettings("2026-01-10", last))
    turns = traffic(rng, arm, came)
    ended = (turns.arm[turns.user] == "C") & (turns.day >= 5)
    kept = Turns(turns.day[~ended], turns.user[~ended], turns.values[~ended], turns.arm, turns.past)
    return kept, ExperimentSettings(phases={"tone": split})


def looks(turns: Turns, settings: ExperimentSettings, days: Floats) -> Iterator[list[Comparison]]:
    """Read the experiment at each of these days, with what was read before."""
    earlier: list[Comparison] = []
    for day in days:
        now = (BEGUN + timedelta(days=float(day))).replace(tzinfo=UTC)
        earlier = compare_arms(turns.seen(float(day)), settings, now, DECLARED, earlier=earlier)
        yield earlier


DECLARED = {"rule:x": MetricSettings(role="guardrail"), "helpful": MetricSettings(role="primary", bounds=(0.0, 1.0))}


def test_arms_that_are_the_same_have_no_winner_in_sixty_looks() -> None:
    """Family-wise over three metrics (ratios of what users add up to), two arms, ramps, an arm that ends and a heavy user."""
    won, read, missed = 0, 0, 0
    for seed in range(RUNS):
        turns, settings = ramped(np.random.default_rng([61, seed]))
        told = [found for look in looks(turns, settings, np.linspace(0.5, DAYS, LOOKS)) for found in look]
        won += any(found.decision in CALLED for found in told)
        with_numbers = [found for found in told if found.low is not None and found.high is not None]
        missed += any(found.low > 0 or found.high < 0 for found in with_numbers)  # type: ignore[operator]
        read += bool(with_numbers)
    high = clopper_pearson(won, RUNS, 0.95).high
    print(
        f"\nA/A: {won} of {RUNS} had a winner in {LOOKS} looks (at most {high:.3f}), intervals of all looks held in {read - missed} of {read}"
    )
    assert read == RUNS
    assert high <= 0.065 if RUNS >= 1000 else won <= 0.065 * RUNS
    assert missed <= 0.05 * RUNS


def canary(rng: np.random.Generator, harm: float, users: int = 24_000) -> int | None:
    """Users of an arm with a twentieth of the traffic until its guardrail is told to be worse, or None; looked at each 20 of them."""
    arm = np.where(rng.random(users) < 0.05, "B", "A")
    came = np.sort(rng.uniform(0, DAYS, users))
    turns = traffic(rng, arm, came, harm)
    settings = ExperimentSettings(split={"tone": {"A": 95.0, "B": 5.0}})
    exposed = np.flatnonzero(arm == "B")
    for number in range(40, len(exposed), 20):
        [*told] = next(iter(looks(turns, settings, came[exposed[number]][None])))
        if any(found.role == "guardrail" and found.decision == "worse" for found in told):
            return number
    return None


@pytest.mark.parametrize("runs", [max(20, RUNS // 10)])
def test_a_harm_of_five_points_pauses_a_small_rollout_soon(runs: int) -> None:
    paused = [canary(np.random.default_rng([62, seed]), 0.05) for seed in range(runs)]
    false = [canary(np.random.default_rng([63, seed]), 0.0) for seed in range(runs)]
    wrongly = sum(number is not None for number in false)
    median = float(np.median([np.inf if number is None else number for number in paused]))
    print(
        f"\n5 points at 5 %: paused in {sum(n is not None for n in paused)} of {runs}, median after {median:.0f} exposed users; false pauses {wrongly} of {runs}"
    )
    assert median <= 600
    assert wrongly <= max(1, 0.01 * runs)
