"""A month of a house with a hundred rules, looked at every 30 seconds: who would be woken, and how soon a rise is told.

At decision level, without a store: evidence, thresholds and the shares of the budget are those of `monitor.policy.watching`. Here
evidence reaches back without end and is added up look by look; the house adds it up by quarter hours and over 28 days, which
is never more, so what is counted here is the most that it would tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.policy.watching import CALM, PAGES, TICKETS
from monitor.stats.cusum import HEADROOM, RISES, Floats, bets

LOOKS_A_DAY = 2_880
DAYS = 30


@dataclass(frozen=True)
class Rules:
    """Some rules of one kind: their true rate, their limit, and whether an alarm on them pages."""

    count: int
    rate: float
    limit: float
    pages: bool


def thresholds(rules: Rules, house: list[Rules], graded_a_day: float) -> Floats:
    """Return the threshold of each bet against the limit of `rules`, by its share in the budget of the house."""
    same = sum(other.count for other in house if other.pages == rules.pages)
    answers = same * len(RISES) * graded_a_day * DAYS / (PAGES if rules.pages else TICKETS)
    return np.array([bet.threshold(answers) for bet in bets(rules.limit)])


def months(rules: Rules, house: list[Rules], graded_a_day: float, seed: int) -> tuple[int, float]:
    """Return how many alerts `rules` raise within a month, and after how many days the first comes (infinity: none)."""
    rng = np.random.default_rng(seed)
    limits, line = bets(rules.limit), thresholds(rules, house, graded_a_day)
    unit = np.ones(1)
    up = np.array([bet.gains(unit, unit, unit)[0] for bet in limits])
    down = np.array([bet.gains(unit, 0 * unit, unit)[0] for bet in limits])
    state, firing = np.zeros((rules.count, len(limits))), np.zeros(rules.count, dtype=bool)
    alerts, first = 0, np.inf
    for look in range(LOOKS_A_DAY * DAYS):
        n = rng.poisson(graded_a_day / LOOKS_A_DAY, rules.count)[:, None]
        bad = rng.binomial(n, rules.rate)
        state = np.minimum(np.maximum(0.0, state + bad * up + (n - bad) * down), line + HEADROOM)
        fires = (state >= line).any(axis=1) & ~firing
        firing = (firing | fires) & ~(state <= CALM).all(axis=1)
        if fires.any():
            alerts, first = alerts + int(fires.sum()), min(first, look / LOOKS_A_DAY)
    return alerts, float(first)


def delay_hours(rules: Rules, house: list[Rules], graded_a_day: float, runs: int, seed: int) -> Floats:
    """Return, for each of `runs` rises to the rate of `rules` after a day at 1 %, the hours until it is told."""
    rng = np.random.default_rng(seed)
    limits, line = bets(rules.limit), thresholds(rules, house, graded_a_day)
    unit = np.ones(1)
    up = np.array([bet.gains(unit, unit, unit)[0] for bet in limits])
    down = np.array([bet.gains(unit, 0 * unit, unit)[0] for bet in limits])
    state, told = np.zeros((runs, len(limits))), np.full(runs, np.inf)
    for look in range(-LOOKS_A_DAY, 3 * LOOKS_A_DAY):
        n = rng.poisson(graded_a_day / LOOKS_A_DAY, runs)[:, None]
        bad = rng.binomial(n, rules.rate if look >= 0 else 0.01)
        state = np.maximum(0.0, state + bad * up + (n - bad) * down)
        told = np.where((state >= line).any(axis=1), np.minimum(told, 24 * look / LOOKS_A_DAY), told)
    return told
