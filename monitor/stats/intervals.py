"""Intervals for one share, for a difference of two shares, and for medians; each names the paper behind it.

Counts may be fractions, because effective sample sizes are. All intervals are two-sided and for a fixed sample: looked at
again and again they are wrong more often than they say; `monitor.stats.confidence_sequence` is made for that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from monitor.stats.special import beta_quantile, bisect, normal_quantile

FEW: Final = 5.0
"""Fewer positives (or negatives) than this and the normal approximation behind Wilson's interval is too thin."""


class Interval(NamedTuple):
    """A lower and an upper bound."""

    low: float
    high: float


def wilson(positives: float, n: float, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval for a share (Wilson, JASA 1927).

    Not for fewer than five positives or negatives where a guarantee is needed: it may cover less than it says there.

    >>> [round(x, 4) for x in wilson(10, 50)]
    [0.1124, 0.3304]
    """
    _check(positives, n)
    z2 = normal_quantile((1 + confidence) / 2) ** 2
    share = positives / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At 0 and n the bound is exact; rounding must not leave the share itself outside.
    return Interval(min(max(0.0, centre - half), share), max(min(1.0, centre + half), share))


def clopper_pearson(positives: float, n: float, confidence: float = 0.95) -> Interval:
    """Return the exact interval for a share (Clopper and Pearson, Biometrika 1934).

    Covers at least as often as it says, whatever the share; wider than needed when both counts are large.

    >>> [round(x, 4) for x in clopper_pearson(0, 100)]
    [0.0, 0.0362]
    """
    _check(positives, n)
    tail = (1 - confidence) / 2
    if positives <= 0:
        return Interval(0.0, 1 - tail ** (1 / n))
    if positives >= n:
        return Interval(tail ** (1 / n), 1.0)
    return Interval(
        beta_quantile(tail, positives, n - positives + 1), beta_quantile(1 - tail, positives + 1, n - positives)
    )


def bentkus(total: float, n: float, confidence: float = 0.95) -> Interval:
    """Return an interval for the mean of `n` values in [0, 1] that sum to `total` (Bentkus, Ann. Probab. 2004).

    Holds for any distribution on [0, 1], and for martingales: a sum of such values is at most e times as likely to lie so far out as one
    of coins is. Narrower than Chernoff's bound; for coins themselves `clopper_pearson` needs no factor of e.

    >>> [round(x, 4) for x in bentkus(0.0, 100)]
    [0.0, 0.0458]
    """
    strict = 1 - (1 - confidence) / math.e
    low = clopper_pearson(math.floor(total), n, strict).low
    return Interval(low, clopper_pearson(math.ceil(total), n, strict).high)


def jeffreys(positives: float, n: float, confidence: float = 0.95) -> Interval:
    """Return the equal-tailed interval of Jeffreys for a share (Brown, Cai and DasGupta, Stat. Sci. 2001).

    Covers as often as it says on average over shares and is narrower than the exact one where positives are few. Not where it must
    cover at every share: at about 3 / n it holds the share 88 times of 100.

    >>> [round(x, 4) for x in jeffreys(0, 100)]
    [0.0, 0.0247]
    """
    _check(positives, n)
    tail, missed = (1 - confidence) / 2, n - positives
    low = 0.0 if positives <= 0 else beta_quantile(tail, positives + 0.5, missed + 0.5)
    high = 1.0 if missed <= 0 else beta_quantile(1 - tail, positives + 0.5, missed + 0.5)
    return Interval(min(low, positives / n), max(high, positives / n))


class Chosen(NamedTuple):
    """An interval and the name of the method that made it."""

    interval: Interval
    method: str


def too_few(positives: float, n: float) -> bool:
    """Return whether positives or negatives are too few for an interval by approximation.

    Sums in another order end a little to either side of a bound: what is as good as at it is at it.

    >>> too_few(4.999999999999999, 100), too_few(4.9, 100)
    (False, True)
    """
    return round(min(positives, n - positives), 9) < FEW


def share_interval(positives: float, n: float, confidence: float = 0.95) -> Chosen:
    """Return Wilson's interval, or the exact one where positives or negatives are few.

    >>> share_interval(1, 100).method
    'exact'
    """
    if too_few(positives, n):
        return Chosen(clopper_pearson(positives, n, confidence), "exact")
    return Chosen(wilson(positives, n, confidence), "wilson")


@lru_cache(maxsize=4096)  # a frozen reference asks for the same bounds with every batch
def chernoff(mean: float, n: float, log_odds: float) -> Interval:
    """Return the interval for the mean of values in [0, 1] that errs with probability exp(-`log_odds`) on each side.

    Holds for any distribution on [0, 1] (Chernoff 1952; Hoeffding 1963, theorem 1), also at a mean of 0 or 1. Too wide for
    values that vary much less than a coin of the same mean.

    >>> [round(x, 4) for x in chernoff(0.0, 1000, 8.0)]
    [0.0, 0.008]
    """
    level = log_odds / n
    low = bisect(lambda m: divergence(mean, m) > level, 0.0, mean)
    return Interval(low, bisect(lambda m: divergence(mean, m) < level, mean, 1.0))


def divergence(p: float, q: float) -> float:
    """Return the Kullback-Leibler divergence of a coin p from a coin q, in nats; infinite where q rules out what p does."""
    if (p > 0 and q <= 0) or (p < 1 and q >= 1):
        return math.inf
    of_heads = p * math.log(p / q) if p > 0 else 0.0
    return of_heads + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)


def newcombe(reference: tuple[float, float], current: tuple[float, float], confidence: float = 0.95) -> Interval:
    """Return an interval for current minus reference share, each given as (positives, n) (Newcombe, Stat. Med. 1998).

    >>> [round(x, 3) for x in newcombe((48, 100), (56, 100))]
    [-0.058, 0.213]
    """
    centres = [positives / n for positives, n in (reference, current)]
    return mover(centres, [wilson(*reference, confidence), wilson(*current, confidence)])


def mover(estimates: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """Return an interval for current minus reference from (reference, current) estimates and their own intervals.

    The method of variance estimates recovery (Zou and Donner, Stat. Med. 2008); not for dependent samples.
    """
    (reference, current), (of_reference, of_current) = estimates, intervals
    difference = current - reference
    down = math.hypot(current - of_current.low, of_reference.high - reference)
    up = math.hypot(of_current.high - current, reference - of_reference.low)
    return Interval(difference - down, difference + up)


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return an interval for the median from order statistics, free of assumptions on the distribution (Thompson 1936).

    Below six values it is the whole range and covers less than 95 %.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    reach = normal_quantile((1 + confidence) / 2) * math.sqrt(n) / 2
    below = max(0, math.floor(n / 2 - reach) - 1)
    above = min(n - 1, math.ceil(n / 2 + reach))
    return Interval(float(ordered[below]), float(ordered[above]))


def _check(positives: float, n: float) -> None:
    if not 0 <= positives <= n or n <= 0:
        raise ValueError(f"{positives} positives of {n} is not a share")
