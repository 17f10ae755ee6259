"""How a metric goes on since its change began, day by day: whether it still moves, how fast, and whether it stepped again.

Days are counted from sums over all outputs, which see what the trail of a stream, thinned to 224, cannot. Rates are summed as they
are; numbers after arcsinh(value / usual), nearly a logarithm, so that one huge value is not a day. Whether it still moves is asked of
the last seven whole days, each beside the same day of the week before: weekends are no rise, and what stopped two weeks ago is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.drift.points import DAY_MS, Points
from monitor.drift.reference import fits
from monitor.drift.state import Day, Reference, short
from monitor.stats.ranks import Floats

LEAST: Final = 4
"""Days with outputs below which nothing is said."""

MOST: Final = 60
"""Days that are kept, the newest."""

WEEK: Final = 7

SURE: Final = {5: 7.17, 6: 5.89, 7: 5.21}
"""By how many pairs of days: the quantile .999 of Student's t, beyond which a metric is said to go on; it is asked once a day."""


STILL: Final = 2.0
"""Standard errors below which what was sure to move is said to have stopped."""


def counted(days: Sequence[Day], reference: Reference, points: Points, weights: Floats | None = None) -> list[Day]:
    """Return `days` after more points, each of which stands for as many as its weight says."""
    if not len(points) or not fits(reference, points):
        return list(days)
    values, sizes = told_as(reference, points), np.ones(len(points)) if weights is None else weights
    after = {day.day: day for day in days}
    numbers = points.time // DAY_MS
    for number in np.unique(numbers).tolist():
        here, old = numbers == number, after.get(number, Day(number, 0, 0.0, 0.0))
        sums = (float((sizes * values**power)[here].sum()) for power in (1, 2))
        total, squares = (short(known + more) for known, more in zip((old.total, old.squares), sums, strict=True))
        after[number] = Day(number, old.n + int(sizes[here].sum()), total, squares)
    return [after[number] for number in sorted(after)][-MOST:]


def told_as(reference: Reference, points: Points) -> Floats:
    """Return points as they are summed."""
    return points.mean(points.outputs) if reference.kind == "rate" else _nearly_log(reference, points.value)


def usual(reference: Reference) -> float:
    """Return the mean of the reference in the same unit."""
    if reference.kind == "rate":
        return float(reference.total[0] / reference.n)
    return float(_nearly_log(reference, np.asarray(reference.ranks)).mean())


def _nearly_log(reference: Reference, values: Floats) -> Floats:
    scale = float(np.median(np.abs(reference.ranks))) or 1.0
    flattened: Floats = np.arcsinh(values / scale)
    return flattened


@dataclass(frozen=True)
class Slope:
    """How much a metric moves a day, the standard error of that, and how many of them make it sure."""

    per_day: float
    error: float
    quantile: float

    @property
    def is_sure(self) -> bool:
        """Whether it moves at all."""
        return abs(self.per_day) >= self.quantile * self.error

    @property
    def has_stopped(self) -> bool:
        """Whether nothing is left of a move that was sure: between the two lies what nobody can tell."""
        return abs(self.per_day) < STILL * self.error


@dataclass(frozen=True)
class Course:
    """The days of a change: when, how many outputs, their means, and the variance of one output."""

    day: Floats
    n: Floats
    mean: Floats
    variance: float

    @property
    def known(self) -> bool:
        """Whether there are days enough to say anything."""
        return len(self.day) >= LEAST

    @property
    def slope(self) -> Slope | None:
        """How much it moves a day, by the last seven days; None where fewer than five of them and of the days a week before are known."""
        pairs = [(now, before) for now in self._last_week() if (before := self._at(self.day[now] - WEEK)) is not None]
        if len(pairs) not in SURE:
            return None
        moved = np.asarray([self.mean[now] - self.mean[before] for now, before in pairs]) / WEEK
        least = self.variance * sum(1 / self.n[now] + 1 / self.n[before] for now, before in pairs)
        error = max(float(moved.std(ddof=1)) / math.sqrt(len(pairs)), math.sqrt(least) / (WEEK * len(pairs)), 1e-12)
        return Slope(float(moved.mean()), error, SURE[len(pairs)])

    @property
    def of_last_week(self) -> float:
        """The mean of the last seven days."""
        return float(np.average(self.mean[self._last_week()], weights=self.n[self._last_week()]))

    def _last_week(self) -> list[int]:
        """The places of the seven days that end with the last one."""
        return np.flatnonzero(self.day > self.day[-1] - WEEK).tolist()

    def _at(self, day: float) -> int | None:
        found = np.flatnonzero(self.day == day)
        return int(found[0]) if len(found) else None

    def step_over_line(self, at: float) -> float:
        """By how much likelier (as a logarithm) a step about day `at` tells the days than a straight line does."""
        line, step = self._left_by_line(), min(self._left_by_step(at), self._left_by_step(at + 1))
        return (line - step) / (2 * self._noise(min(line, step)))

    def _noise(self, left: float) -> float:
        return max(self.variance, left / max(1, len(self.day) - 2), 1e-9)

    def _left_by_line(self) -> float:
        centred = self.day - np.average(self.day, weights=self.n)
        slope = float((self.n * centred * self.mean).sum() / (self.n * centred**2).sum())
        return _left(self.mean - slope * centred, self.n)

    def _left_by_step(self, at: float) -> float:
        sides = (self.day < at, self.day >= at)
        return sum(_left(self.mean[side], self.n[side]) for side in sides if side.any())


def _left(values: Floats, n: Floats) -> float:
    return float((n * (values - np.average(values, weights=n)) ** 2).sum())


def course(days: Sequence[Day]) -> Course:
    """Return the course that these days are; the newest of them goes on, where whole days are asked for leave it out."""
    n = np.asarray([day.n for day in days], dtype=np.float64)
    total, squares = (
        np.asarray([getattr(day, name) for day in days], dtype=np.float64) for name in ("total", "squares")
    )
    within = float((squares - total**2 / np.maximum(n, 1)).sum() / max(1.0, n.sum() - len(days)))
    return Course(
        np.asarray([day.day for day in days], dtype=np.float64), n, total / np.maximum(n, 1), max(within, 0.0)
    )
