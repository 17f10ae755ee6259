"""What a review says of a rule: a rate with its interval, bounds for what nobody judged, and how much more would be needed.

Answers are grouped by what graders said of them: within a group they were drawn by lot, so its share is a weighted mean with an
interval of its own, and the groups weigh what they are in the week (post-stratified difference estimator; Sarndal, Swensson and
Wretman 1992, section 7.6). The intervals are put together by the method of variance estimates recovery, which knows that no
violation among few answers proves little. Not for picks: they were chosen for what they are, and stand for nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from monitor.review.errors import Errors
from monitor.stats.intervals import Interval, share_interval
from monitor.stats.ranks import Floats

ENOUGH: Final = 30
"""Answers with a known verdict, or looked at twice, below which the reviewers' own error is not known well enough to correct."""


@dataclass(frozen=True)
class Group:
    """Answers that a grader says the same of: how many there are, and those that were judged, with 1/p and whether they violate."""

    n_units: int
    weights: Floats
    violates: Floats

    @property
    def n(self) -> int:
        """How many were judged."""
        return len(self.violates)

    def share(self, confidence: float) -> tuple[float, Interval]:
        """Return the share that violates, and its interval; a group that was judged as a whole has no width."""
        value = float((self.weights * self.violates).sum() / self.weights.sum())
        if self.n >= self.n_units:
            return value, Interval(value, value)
        effective = float(self.weights.sum() ** 2 / np.square(self.weights).sum())
        effective *= (self.n_units - 1) / (self.n_units - self.n)
        return value, share_interval(value * effective, effective, confidence).interval


@dataclass(frozen=True)
class Rate:
    """A share with its interval. `corrected` says that the reviewers' own error is in it."""

    value: float
    low: float
    high: float
    corrected: bool = False

    @property
    def width(self) -> float:
        """From low to high."""
        return self.high - self.low


def rate(groups: Sequence[Group], errors: Errors | None = None, confidence: float = 0.95) -> Rate | None:
    """Return the rate over all groups, None where nobody judged anything.

    A group of which nothing was judged goes to the others: whoever wants no such guess takes `bounds`.
    """
    judged = [group for group in groups if group.n]
    if not judged:
        return None
    whole = sum(group.n_units for group in judged)
    shares = [(group.n_units / whole, *group.share(confidence)) for group in judged]
    value = sum(weight * share for weight, share, _ in shares)
    down = math.hypot(*(weight * (share - interval.low) for weight, share, interval in shares))
    up = math.hypot(*(weight * (interval.high - share) for weight, share, interval in shares))
    told = Rate(value, max(0.0, value - down), min(1.0, value + up))
    return told if errors is None or errors.n < ENOUGH else corrected(told, errors)


def corrected(told: Rate, errors: Errors) -> Rate:
    """Return the rate behind one that people say who err: (q - false alarms) / (1 - false alarms - misses).

    Rogan and Gladen (Am. J. Epidemiol. 1978), with the uncertainty of all three put together.
    """
    alarms, misses = errors.alarms, errors.misses
    span = max(0.05, 1 - alarms.value - misses.value)
    value = (told.value - alarms.value) / span
    down = math.hypot(told.value - told.low, alarms.high - alarms.value, value * (misses.value - misses.low)) / span
    up = math.hypot(told.high - told.value, alarms.value - alarms.low, value * (misses.high - misses.value)) / span
    low, high = (min(1.0, max(0.0, bound)) for bound in (value - down, value + up))
    return Rate(min(1.0, max(0.0, value)), low, high, corrected=True)


def bounds(groups: Sequence[Group], missing: Sequence[Floats], confidence: float = 0.95) -> Interval:
    """Return between what the rate lies whatever the answers are that nobody judged: all comply, or all violate.

    `missing` are the weights of those, a group each: non-response is no compliance, and no assumption is made about it.
    """
    ends = []
    for verdict in (0.0, 1.0):
        filled = [
            replace(
                group,
                weights=np.concatenate([group.weights, lacking]),
                violates=np.concatenate([group.violates, np.full(len(lacking), verdict)]),
            )
            for group, lacking in zip(groups, missing, strict=True)
        ]
        ends.append(rate(filled, None, confidence))
    low, high = ends
    return Interval(0.0, 1.0) if low is None or high is None else Interval(low.low, high.high)


def more_for_half(n: int) -> int:
    """Return how many more would halve the interval: the width goes with one over the root of n; two digits of it.

    >>> more_for_half(200)
    600
    """
    return rounded(3 * n)


def more_to_decide(told: Rate, n: int, limit: float) -> int | None:
    """Return how many more are needed until the interval leaves out `limit`, 0 where it does, None where that is too far away."""
    if not told.low <= limit <= told.high:
        return 0
    away = abs(told.value - limit)
    reach = (told.high - told.value) if limit > told.value else (told.value - told.low)
    if away <= reach / 10:
        return None
    return rounded(n * ((reach / away) ** 2 - 1))


def rounded(n: float) -> int:
    """Return a number of labels as a person would say it: two digits.

    >>> rounded(613), rounded(47)
    (610, 47)
    """
    if n < 100:
        return math.ceil(n)
    step = 10 ** (len(str(int(n))) - 2)
    return int(round(n / step) * step)
