"""Evidence that a rate is above its limit: the budget at the limit, the delay beyond it, draws of unequal chance."""

import math

import numpy as np
import pytest

from monitor.stats.cusum import Bet, bets, evidence


def answers_to_alarm(bet: Bet, rate: float, threshold: float, rng: np.random.Generator) -> int:
    up = math.log(bet.alternative / bet.limit)
    down = math.log((1 - bet.alternative) / (1 - bet.limit))
    state, seen = 0.0, 0
    while state < threshold:
        state = max(0.0, state + (up if rng.random() < rate else down))
        seen += 1
    return seen


@pytest.mark.parametrize("limit", [0.02, 0.3])
def test_a_rate_at_its_limit_is_told_no_more_often_than_the_budget_allows(limit: float) -> None:
    rng = np.random.default_rng(3)
    for bet in bets(limit):
        runs = [answers_to_alarm(bet, limit, bet.threshold(2_000), rng) for _ in range(150)]
        error = np.std(runs) / math.sqrt(len(runs))
        assert np.mean(runs) + 3 * error > 2_000


def test_a_large_rise_is_found_long_before_a_false_alarm_would_come() -> None:
    rng = np.random.default_rng(4)
    bet = bets(0.015)[1]
    assert np.median([answers_to_alarm(bet, 0.05, bet.threshold(12e6), rng) for _ in range(40)]) < 500


def test_buckets_add_up_to_the_same_evidence_as_their_answers() -> None:
    bet = bets(0.1)[0]
    ones, none = np.ones(10), np.zeros(10)
    each = float(bet.gains(ones, none, ones).sum() + bet.gains(ones[:3], ones[:3], ones[:3]).sum())
    whole = float(bet.gains(np.array([13.0]), np.array([3.0]), np.array([1.0]))[0])
    assert whole == pytest.approx(each)


def test_where_draws_differ_in_chance_a_rate_at_its_limit_gains_nothing_on_average() -> None:
    """Half of the traffic is drawn ten times as often and never bad: unweighted it would hide the other half, or shout."""
    bet = bets(0.1)[1]
    weights = np.array([1.0, 0.1])
    drawn = np.array([10.0, 100.0])  # rare draws of the bad half (20 % bad), frequent ones of the good half
    bad = np.array([2.0, 0.0])
    size = (bet.alternative - bet.limit) / (bet.limit * (1 - bet.limit))
    growth = 1 + size * weights * (bad / drawn - bet.limit)
    assert float((drawn * (growth - 1)).sum()) == pytest.approx(0.0)
    assert float(bet.gains(drawn, bad, weights).sum()) < 0.5


def test_evidence_never_falls_below_nothing_nor_grows_beyond_its_cap() -> None:
    assert evidence(np.array([-5.0, 1.0]), 10.0) == 1.0
    assert evidence(np.array([50.0, -1.0]), 10.0) == 9.0
