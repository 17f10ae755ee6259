"""Is a rate above its limit? A CUSUM that may be looked at after every answer inside a stated budget of false alarms.

Evidence gains the log likelihood ratio of "the rate has risen to `alternative`" against "it is at its limit" per answer, and
never falls below nothing (Page, Biometrika 1954; for rare faults Reynolds and Stoumbos, J. Quality Technology 1999). Wald's
identity bounds the mean number of answers to a false alarm of a rate that is *at* its limit from below; a rate below it is
falsely told far less often. Answers are taken to be independent given the rate: count one user once a bucket.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RISES: Final = (1.5, 3.0)
"""What is looked for, in multiples of the limit's odds: a small rise, found late, and a large one, found at once."""

REFINED: Final = 4
"""Rounds in which the bound is made tighter; it settles within two."""

HEADROOM: Final = 3.0
"""How far evidence may grow beyond the threshold: so that an alarm ends soon after the rate is good again."""


@dataclass(frozen=True)
class Bet:
    """One alternative to a limit, both rates in (0, 1)."""

    limit: float
    alternative: float

    def gains(self, answers: Floats, bad: Floats, weights: Floats) -> Floats:
        """Return the evidence in groups of `answers` with `bad` ones among them; groups of rarer draws weigh 1, others less."""
        size = (self.alternative - self.limit) / (self.limit * (1 - self.limit))
        up, down = np.log1p(size * weights * (1 - self.limit)), np.log1p(-size * weights * self.limit)
        gained: Floats = bad * up + (answers - bad) * down
        return gained

    def threshold(self, answers: float) -> float:
        """Return the evidence that a rate at its limit reaches by chance once in `answers` answers, or less often.

        >>> round(Bet(0.015, 0.05).threshold(6e6), 1)
        11.6
        """
        m, p = self.limit, self.alternative
        up = math.log(p / m)
        fall = -(m * up + (1 - m) * math.log((1 - p) / (1 - m)))
        escape = p - m * (1 - p) / (1 - m)  # chance under the alternative that a start from nothing never returns there
        threshold = max(1.0, math.log(answers * p))  # enough, whatever the rest is
        for _ in range(REFINED):
            beyond = (threshold + up) * math.exp(
                up - threshold
            )  # mean of what crosses instead of returning, at the most
            cycle = 1 + m * max(0.0, up - beyond) / fall  # mean number of answers between two returns, at the least
            threshold = max(1.0, math.log(answers * min(p, escape / -math.expm1(-threshold)) / cycle))
        return threshold


@lru_cache
def bets(limit: float) -> tuple[Bet, ...]:
    """Return what is held against `limit`."""
    odds = limit / (1 - limit)
    return tuple(Bet(limit, rise * odds / (1 + rise * odds)) for rise in RISES)


def evidence(gains: Floats, cap: float) -> float:
    """Return the evidence after buckets of `gains` in the order of time.

    >>> evidence(np.array([-1.0, 2.0, -0.5]), cap=10.0)
    1.5
    """
    state = 0.0
    for gain in gains.tolist():
        state = min(max(0.0, state + gain), cap)
    return state
