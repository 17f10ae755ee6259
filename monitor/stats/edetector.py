"""The e-detector: a change detector that may be looked at after every output without inflating false alarms.

A mixture of Shiryaev-Roberts statistics over a grid of bets against "the conditional mean lies in [low, high]" (Shin, Ramdas
and Rinaldo, "E-detectors", NEJSDS 2023). M - t is a supermartingale as long as that holds, so the mean number of outputs
until a false alarm is at least the threshold: no assumption of independence, of a distribution, or of a check schedule.
Not for values outside [0, 1], nor for a band that was chosen after seeing the values it is applied to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.stats.ranks import Floats

BETS: Final[Floats] = np.geomspace(0.01, 0.9, 12)
"""Bet sizes. Small ones find small changes, late; large ones find large changes, at once."""

_BLOCK: Final = 512
LARGEST: Final = 1e300

Evidence = list[list[float]]
"""State of a detector: per function the 12 upward, then the 12 downward statistics. Plain numbers, so JSON can hold it."""


@dataclass(frozen=True)
class Band:
    """Where the mean of each function may lie without being worth an alarm: one row for all outputs, or a row an output.

    A row must be fixed before its output is seen, which a row that depends on the time of day is.
    """

    low: Floats
    high: Floats

    def rows(self, start: int, stop: int) -> Band:
        """Return the band of these outputs."""
        return self if self.low.ndim == 1 else Band(self.low[start:stop], self.high[start:stop])


@dataclass(frozen=True)
class Advance:
    """What came of a run of values: the new state, and where and how strongly the threshold was crossed, if it was.

    `used` values were consumed: all of them, or those up to and including the one at which the alarm went off.
    """

    evidence: Evidence
    used: int
    alarm: bool
    e_value: float


def no_evidence(functions: int) -> Evidence:
    """Return the state before the first value."""
    return [[0.0] * (2 * len(BETS)) for _ in range(functions)]


def advance(evidence: Evidence, values: Floats, band: Band, threshold: float) -> Advance:
    """Feed `values` (outputs x functions, in [0, 1], in order) and stop at the first M >= `threshold`.

    >>> band = Band(np.array([0.1]), np.array([0.3]))
    >>> quiet = advance(no_evidence(1), np.tile([[0.0], [1.0], [0.0], [0.0], [0.0]], (200, 1)), band, 1e4)
    >>> quiet.alarm
    False
    >>> loud = advance(quiet.evidence, np.tile([[1.0], [1.0], [0.0]], (200, 1)), band, 1e4)
    >>> loud.alarm, loud.used < 60
    (True, True)
    """
    state = np.asarray(evidence, dtype=np.float64).reshape(-1)
    e_value = float(state.mean())
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        path = _run(state, block, band.rows(start, start + _BLOCK))
        means = mixed(path)
        crossed = np.flatnonzero(means >= threshold)
        stop = int(crossed[0]) if len(crossed) else len(block) - 1
        state, e_value = path[stop], min(float(means[stop]), LARGEST)
        if len(crossed):
            return Advance(_plain(state, values.shape[1]), start + stop + 1, True, e_value)
    return Advance(_plain(state, values.shape[1]), len(values), False, e_value)


def _run(state: Floats, values: Floats, band: Band) -> Floats:
    """All statistics after each value: R <- (R + 1) * L. Factors are at least 0.1, so infinity stays infinity, never NaN."""
    factors = likelihood_ratios(values, band).reshape(len(values), -1)
    with np.errstate(over="ignore"):
        for row in factors:
            np.multiply(state + 1.0, row, out=row)
            state = row
    return factors


def mixed(path: Floats) -> Floats:
    """M after each value: the mean of the statistics, infinite where they are too large to add up."""
    with np.errstate(over="ignore"):
        means: Floats = path.mean(axis=1)
    return means


def likelihood_ratios(values: Floats, band: Band) -> Floats:
    """One-step likelihood ratios, shape outputs x functions x 24."""
    up = (values - band.high) / np.maximum(band.high, 1e-9)
    down = (band.low - values) / np.maximum(1 - band.low, 1e-9)
    sides = np.stack((up, down), axis=2)
    factors: Floats = 1.0 + sides[..., None] * BETS
    return factors.reshape(*values.shape, 2 * len(BETS))


def _plain(state: Floats, functions: int) -> Evidence:
    rows: Evidence = np.minimum(state, LARGEST).reshape(functions, -1).tolist()
    return rows


@dataclass(frozen=True)
class Onset:
    """When a change began, as positions among the values that were given: the best one and the plausible range.

    `function` is the function that moved most clearly, `direction` is +1 or -1.
    """

    best: int
    low: int
    high: int
    function: int
    direction: int


def onset(values: Floats, band: Band, odds: float = 20.0, log_prior: Floats | None = None) -> Onset:
    """Return the start j that makes the values from j on the strongest evidence, and all starts within a factor `odds`.

    This is the running minimum of the log-CUSUM of each bet (Page, Biometrika 1954), mixed over the bets; the range is the
    likelihood range of change-point work (Hinkley, Biometrika 1970). `values` may leave out outputs, as long as what is left out
    does not depend on them. `log_prior` says how much likelier than others each start is before looking at the values. Only to be asked after an alarm: on quiet values it answers with noise.

    >>> flags = np.array([0.0] * 50 + [1.0] * 12)[:, None]
    >>> onset(flags, Band(np.array([0.0]), np.array([0.1]))).best
    50
    """
    steps = np.log(likelihood_ratios(values, band))
    from_here = np.cumsum(steps[::-1], axis=0)[::-1]
    flat = from_here.reshape(len(values), -1)
    peak = flat.max(axis=1)
    total = peak + np.log(np.exp(flat - peak[:, None]).mean(axis=1))
    if log_prior is not None:
        total = total + log_prior
    best = int(total.argmax())
    plausible = np.flatnonzero(total >= total[best] - math.log(odds))
    function, bet = np.unravel_index(int(from_here[best].argmax()), from_here[best].shape)
    direction = 1 if bet < len(BETS) else -1
    return Onset(best, int(plausible[0]), int(plausible[-1]), int(function), direction)
