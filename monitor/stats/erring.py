"""The share behind one that people say who err: what is known of their errors, and the correction with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from monitor.stats.intervals import Interval

ENOUGH: Final = 30
"""Answers with a known verdict, or looked at twice, below which errors are not known well enough to correct anything."""

LEAST: Final = 0.05
"""Of a verdict that says next to nothing no share can be told back."""


@dataclass(frozen=True)
class Often:
    """A share of errors with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Errors:
    """False alarms (of answers that comply) and misses (of answers that violate), and how many judgements tell of them."""

    alarms: Often
    misses: Often
    n: int

    @property
    def known(self) -> bool:
        """Whether they are known well enough to correct by."""
        return self.n >= ENOUGH


def behind(value: float, bounds: Interval, errors: Errors) -> tuple[float, Interval]:
    """Return the share behind one that people say who err: (q - false alarms) / (1 - false alarms - misses), with its interval.

    Rogan and Gladen (Am. J. Epidemiol. 1978), with the uncertainty of all three put together.

    >>> never = Often(0.0, 0.0, 0.0)
    >>> behind(0.2, Interval(0.1, 0.3), Errors(never, never, 100))
    (0.2, Interval(low=0.1, high=0.3))
    """
    alarms, misses = errors.alarms, errors.misses
    span = max(LEAST, 1 - alarms.value - misses.value)
    true = (value - alarms.value) / span
    down = math.hypot(value - bounds.low, alarms.high - alarms.value, true * (misses.value - misses.low)) / span
    up = math.hypot(bounds.high - value, alarms.value - alarms.low, true * (misses.high - misses.value)) / span
    low, high = (min(1.0, max(0.0, bound)) for bound in (true - down, true + up))
    return min(1.0, max(0.0, true)), Interval(low, high)
