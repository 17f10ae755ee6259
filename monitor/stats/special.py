"""The few special functions the intervals need, so that no process of ours has to load scipy (60 MB) for four numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import Final

_TINY = 1e-300

STEPS: Final = 200
SETTLED: Final = 1e-13
"""Steps of a search, and the part of what is searched for by which the last one moves."""


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = `probability` for a standard normal Z.

    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    return NormalDist().inv_cdf(probability)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), a and b > 0 (DLMF 8.17.22).

    >>> round(beta_cdf(0.5, 2, 3), 4)
    0.6875
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1.0 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _continued_fraction(x, a, b) / a


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Lentz's method; converges fast for x below the mean, which the caller makes sure of."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        last = a + 2 * m
        even = m * (b - m) * x / ((last - 1) * last)
        odd = -(a + m) * (a + b + m) * x / (last * (last + 1))
        step = 1.0
        for term in (even, odd):
            below, above = 1.0 + term * d, 1.0 + term / c
            d = 1.0 / (
                below if abs(below) > _TINY else _TINY
            )  # no function: calling one was half the time of an interval
            c = above if abs(above) > _TINY else _TINY
            step = d * c
            value *= step
        if abs(step - 1.0) < 1e-14:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


@lru_cache(maxsize=4096)
def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = `probability`, by Newton's method, halving where that would leave what is known to hold x.

    >>> round(beta_quantile(0.6875, 2, 3), 4)
    0.5
    """
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(STEPS):
        missed = beta_cdf(x, a, b) - probability
        low, high = (x, high) if missed < 0 else (low, x)
        slope = _beta_density(x, a, b)
        following = x - missed / slope if slope > 0 else math.nan
        before, x = x, following if low < following < high else (low + high) / 2
        if abs(x - before) <= SETTLED * x:
            break
    return x


def _beta_density(x: float, a: float, b: float) -> float:
    """The slope of `beta_cdf` at 0 < x < 1."""
    norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(norm + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))


@lru_cache(maxsize=4096)
def student_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t with `freedom` degrees, for `probability` > 0.5.

    >>> round(student_quantile(0.975, 10), 3)
    2.228
    """
    x = beta_quantile(2 * (1 - probability), freedom / 2, 0.5)
    return math.sqrt(freedom * (1 / max(x, _TINY) - 1))


def bisect(below: Callable[[float], bool], low: float, high: float) -> float:
    """Return the point in [low, high] where the monotone `below` turns from true to false, to double precision."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
