"""What a review says of a rule: a rate with its interval, bounds for what nobody judged, and how much more would be needed.

Answers are grouped by what graders said of them: within a group they were drawn by lot, so its share is a weighted mean with an
interval of its own, and the groups weigh what they are in the week (post-stratified difference estimator; Sarndal, Swensson and
Wretman 1992, section 7.6). The intervals are put together by the method of variance estimates recovery, which knows that no
violation among few answers proves little. Not for picks: they were chosen for what they are, and stand for nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from monitor.stats.erring import Errors, behind
from monitor.stats.intervals import Interval, share_interval
from monitor.stats.ranks import Floats

UNSEEN: Final = 2.0
"""Errors of a guess that nobody saw, reckoned in: with few violations a guess that erred nowhere is no proof that it never does."""

_NONE: Final = np.zeros(0)


@dataclass(frozen=True)
class Group:
    """Answers that a grader says the same of: how many there are, and those that were judged, with 1/p and whether they violate.

    `guesses` are what a score says of those that were judged, `others` what it says of a random part of the group; both empty
    where nothing is guessed.
    """

    n_units: int
    weights: Floats
    violates: Floats
    guesses: Floats = field(default_factory=_NONE.copy)
    others: Floats = field(default_factory=_NONE.copy)

    @property
    def n(self) -> int:
        """How many were judged."""
        return len(self.violates)

    @property
    def guessed(self) -> bool:
        """Whether a score says anything of it."""
        return self.n > 1 and len(self.others) > 1 and len(self.guesses) == self.n

    def mean(self, values: Floats) -> float:
        """Return the weighted mean of `values` of those that were judged."""
        return float((self.weights * values).sum() / self.weights.sum())

    def spread(self, values: Floats) -> float:
        """Return the weighted sum of squares of `values` around their mean, in answers."""
        away = np.square(values - self.mean(values))
        return float((self.weights * away).sum() / self.weights.sum()) * self.n

    def share(self, confidence: float, trust: float = 0.0) -> tuple[float, Interval]:
        """Return the share that violates, and its interval; a group that was judged as a whole has no width.

        `trust` is how far the guesses are believed, from 0 to 1 (a slope is between; see `trusted`).
        """
        value = self.mean(self.violates)
        if self.n >= self.n_units:
            return value, Interval(value, value)
        effective = float(self.weights.sum() ** 2 / np.square(self.weights).sum())
        effective *= (self.n_units - 1) / (self.n_units - self.n)
        if trust and self.guessed:
            value += trust * (float(self.others.mean()) - self.mean(self.guesses))
            value = min(1.0, max(0.0, value))
            effective /= self.left(trust)
        return value, share_interval(value * effective, effective, confidence).interval

    def left(self, trust: float) -> float:
        """Return what is left of the variance once the guesses are reckoned with, 1 where they are of no use."""
        rest = self.spread(self.violates - trust * self.guesses) + UNSEEN
        of_mean = float(np.square(trust * (self.others - self.others.mean())).mean()) * self.n**2 / len(self.others)
        return min(1.0, (rest + of_mean) / (self.spread(self.violates) + UNSEEN))


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

    A group of which nothing was judged goes to the others: whoever wants no such guess takes `bounds`. Guesses are believed as far
    as they help: where they would make the interval wider, they are left out.
    """
    judged = [group for group in groups if group.n]
    if not judged:
        return None
    told = min((_together(judged, trust, confidence) for trust in (0.0, trusted(judged))), key=lambda one: one.width)
    if errors is None or not errors.known:
        return told
    value, (low, high) = behind(told.value, Interval(told.low, told.high), errors)
    return Rate(value, low, high, corrected=True)


def _together(judged: Sequence[Group], trust: float, confidence: float) -> Rate:
    whole = sum(group.n_units for group in judged)
    shares = [(group.n_units / whole, *group.share(confidence, trust)) for group in judged]
    value = (
        sum(group.n_units * share for group, (_, share, _) in zip(judged, shares, strict=True)) / whole
    )  # never above 1
    down = math.hypot(*(weight * (share - interval.low) for weight, share, interval in shares))
    up = math.hypot(*(weight * (interval.high - share) for weight, share, interval in shares))
    return Rate(value, max(0.0, value - down), min(1.0, value + up))


def saved(groups: Sequence[Group], confidence: float = 0.95) -> int:
    """Return how many labels more would have narrowed the interval as much as the guesses did."""
    blind = rate([replace(group, guesses=_NONE, others=_NONE) for group in groups], None, confidence)
    told = rate(groups, None, confidence)
    if blind is None or told is None or told.width <= 0:
        return 0
    return rounded(sum(group.n for group in groups) * max(0.0, (blind.width / told.width) ** 2 - 1))


def trusted(groups: Sequence[Group]) -> float:
    """Return how far guesses are believed: the slope of verdicts on guesses within groups, which makes the variance least; 0 to 1.

    The tuned estimator of prediction-powered inference (Angelopoulos, Duchi and Zrnic 2023), one slope for all groups. The guesses
    of answers that nobody judged are a sample, too, which makes it smaller.
    """
    guessed = [group for group in groups if group.guessed]
    along = sum(group.spread(group.guesses) for group in guessed)
    if along <= 0:
        return 0.0
    both = sum(group.n * group.mean((group.violates - group.mean(group.violates)) * group.guesses) for group in guessed)
    n, others = sum(group.n for group in guessed), sum(len(group.others) for group in guessed)
    return min(1.0, max(0.0, both / along / (1 + n / others)))


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
