"""What one stream raises: the change, from where it began to where the next one does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

import numpy as np

from monitor.drift.points import Ints, Points
from monitor.drift.reference import functions
from monitor.drift.state import Combo, Reference
from monitor.stats.edetector import Onset
from monitor.stats.ranks import Floats

SLOWEST_STEP_MS: Final = 3 * 86_400_000
"""A rise that took less is a step."""


@dataclass(frozen=True)
class Alarm:
    """A change in one stream; times in milliseconds, `at` is when the evidence sufficed.

    Of `points`, those from `onset.best` on are the change, to the end of the batch; `weights` says how many outputs each one
    stands for.
    """

    at: int
    since: int
    since_low: int
    since_high: int
    e_value: float
    onset: Onset
    reference: Reference
    points: Points
    weights: Ints
    combos: tuple[Combo, ...]

    @property
    def step(self) -> float:
        """By how much likelier (as a logarithm) a step tells the outputs than a straight line that goes the same way does."""
        time = (self.points.time - self.points.time[0]).astype(np.float64)
        moved = functions(self.reference, self.points)[:, self.onset.function]
        after = np.arange(len(moved)) >= self.onset.best
        step = sum(_spread(moved[side]) for side in (after, ~after) if side.any())
        slope, line = _line(time, moved)
        if time.max() < SLOWEST_STEP_MS or slope * self.onset.direction <= 0 or step <= 0:
            return math.inf
        return len(moved) * math.log(max(line, 1e-12) / step) / 2

    @property
    def slow(self) -> bool:
        """Whether it is rather a rise, or fall, that takes days."""
        return self.step < 0


def _line(time: Floats, values: Floats) -> tuple[float, float]:
    """The slope of the line of least squares, and what it leaves."""
    t, v = time - time.mean(), values - values.mean()
    slope = float((t * v).sum() / max(float((t * t).sum()), 1e-12))
    return slope, float(np.square(v - slope * t).sum())


def _spread(values: Floats) -> float:
    return float(np.square(values - values.mean()).sum())


def until_next(alarms: list[Alarm]) -> list[Alarm]:
    """What came after an alarm in the same batch tells how large the change is, up to where the next change begins."""
    return [_until(*pair) for pair in zip_longest(alarms, (alarm.since for alarm in alarms[1:]))]


def _until(alarm: Alarm, end: int | None) -> Alarm:
    if end is None:
        return alarm
    later = np.flatnonzero(alarm.points.time[alarm.onset.best + 1 :] >= end)  # times need not be in order
    stop = alarm.onset.best + 1 + int(later[0]) if len(later) else len(alarm.points)
    return replace(alarm, points=alarm.points.cut(0, stop), weights=alarm.weights[:stop])
