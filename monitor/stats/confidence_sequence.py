"""Comparing two groups of users at any time: intervals that stay right however often they are looked at.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and
asymptotic confidence sequences", Annals of Statistics 2024). Units are users; a metric is a ratio of per-user sums (Deng et
al., delta method, KDD 2018). Not before 30 users an arm, and not for units that appear in both arms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from monitor.stats.intervals import Interval, mover

TUNED_FOR: Final = 1_000
"""Users at which the interval is tightest. Fixed before any data, as the theory demands; far from it costs a few percent."""


@dataclass(frozen=True)
class RatioMean:
    """A ratio metric of one arm, sum of totals over sum of counts, with the variance of one user's part in it."""

    value: float
    unit_variance: float
    users: int


@dataclass(frozen=True)
class Difference:
    """Arm minus control, with its anytime-valid interval; `standard_error` is that of a single look."""

    effect: float
    interval: Interval
    standard_error: float
    users: int


def ratio_mean(counts: ArrayLike, totals: ArrayLike) -> RatioMean:
    """Return sum(totals) / sum(counts) over users, from each user's count and total of a metric.

    >>> ratio_mean([2, 2], [1, 3]).value
    1.0
    """
    n, s = np.asarray(counts, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    value = float(s.sum() / n.sum())
    residuals = (s - value * n) / n.mean()
    return RatioMean(value, float(np.square(residuals).sum() / max(1, len(n) - 1)), len(n))


def half_width(users: float, variance: float, alpha: float, tuned_for: int = TUNED_FOR) -> float:
    """Return the half width, at `users` users of that variance each, of a sequence that errs with probability `alpha` ever.

    >>> round(half_width(1000, 1.0, 0.05), 4)
    0.096
    """
    rho2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tuned_for
    grown = users * rho2 + 1
    return math.sqrt(variance * 2 * grown / (users**2 * rho2) * math.log(math.sqrt(grown) / alpha))


def compare_ratios(
    control: RatioMean, arm: RatioMean, alpha: float, bounds: tuple[float, float] | None = None
) -> Difference:
    """Return arm minus control. The intervals of all looks together miss with probability at most `alpha`, for many users.

    With `bounds` of the metric each side gets its limits on the logit scale, and the two are joined as Zou and Donner do
    (MOVER, Stat. Med. 2008): limits then lie inside what is possible by construction, and nothing is cut off.

    >>> both = ratio_mean(np.ones(100), np.arange(100) % 2)
    >>> compare_ratios(both, both, 0.05).effect
    0.0
    """
    users = control.users + arm.users
    squared_error = control.unit_variance / control.users + arm.unit_variance / arm.users
    half = half_width(users, users * squared_error, alpha)
    effect = arm.value - control.value
    interval = Interval(effect - half, effect + half)
    if bounds is not None and squared_error > 0:
        interval = _within(control, arm, half / math.sqrt(squared_error), bounds)
    return Difference(effect, interval, math.sqrt(squared_error), users)


def _within(control: RatioMean, arm: RatioMean, errors: float, bounds: tuple[float, float]) -> Interval:
    sides = [_logit_limits(side, errors, bounds) for side in (control, arm)]
    return mover((control.value, arm.value), sides)


def _logit_limits(mean: RatioMean, errors: float, bounds: tuple[float, float]) -> Interval:
    """Limits of one mean, so many standard errors away on the scale on which the bounds are infinitely far.

    A mean at a bound has no spread of its own, which is no certainty: its limits are those of Wilson's score, user by user.
    """
    low, high = bounds
    share = (mean.value - low) / (high - low)
    if not 0 < share < 1:
        far = (high - low) * errors**2 / (mean.users + errors**2)
        return Interval(low, low + far) if share <= 0 else Interval(high - far, high)
    error = math.sqrt(mean.unit_variance / mean.users) / (high - low)
    step = errors * error / (share * (1 - share))
    logit = math.log(share / (1 - share))
    return Interval(*(low + (high - low) / (1 + math.exp(-max(-700.0, logit + way * step))) for way in (-1, 1)))


def users_to_halve(difference: Difference, alpha: float) -> int:
    """Return how many more users, split as now, would make the interval half as wide.

    >>> both = ratio_mean(np.ones(100), np.arange(100) % 2)
    >>> 400 < users_to_halve(compare_ratios(both, both, 0.05), 0.05) < 800
    True
    """
    variance = difference.users * difference.standard_error**2
    return users_until(difference, alpha, half_width(difference.users, variance, alpha) / 2)


def users_until(difference: Difference, alpha: float, goal: float) -> int:
    """Return how many more users, split as now, bring the half width of the interval down to `goal`; 0 when it is there."""
    variance = difference.users * difference.standard_error**2
    if half_width(difference.users, variance, alpha) <= goal:
        return 0
    low, high = difference.users, difference.users * 2
    while variance > 0 and half_width(high, variance, alpha) > goal:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if half_width(middle, variance, alpha) > goal else (low, middle)
    return high - difference.users
