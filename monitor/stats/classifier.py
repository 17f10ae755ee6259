"""A sequential classifier two-sample test: does what comes now differ from a reference in any direction of many features?

A linear classifier learns, output by output, what tells the newest outputs from one half of the reference; each output is scored
before it is learnt from, and bet on against the mean score of the other half (Lopez-Paz and Oquab, ICLR 2017; by betting: Pandeva et al.,
2024). A score is a weighted sum of features, so its mean over a half follows from sums that were kept: no output need be. Evidence is
that of the e-detector (`monitor.stats.edetector`): to be looked at as often as one likes. The scale of scores is estimated, and so is
the mean of the half, whose error a margin of `z` standard errors covers. Not for features outside [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.stats.edetector import Band
from monitor.stats.ranks import Floats

MEMORY: Final = 200
"""Outputs over which the classifier remembers."""

CALIBRATION: Final = 30
"""Outputs that are scored without a bet, while a scale of scores is found."""

CLEAR: Final = 1.5
"""Standard errors that a feature must differ before it counts: most of many features differ by chance."""

WIDTH: Final = 3.0
"""Standard deviations of a score at which a bet is won, or lost, in full."""

FLOOR: Final = 0.1
"""Standard deviations of the score that are no news."""

NO_NEWS: Final = Band(np.zeros(1), np.full(1, 0.5))
"""The band of a score that is written as a share, margin taken off: it wins half of the bets, or fewer."""


@dataclass
class Learner:
    """What the classifier knows: how the newest outputs differ from the reference (`lead`), from so many of them, and how scores spread."""

    lead: Floats
    learnt: int = 0
    mean: float = 0.0
    variance: float = 0.0
    scored: int = 0

    def weights(self, reference: Floats, n: int) -> Floats:
        """Return the classifier: each feature by how clearly it differs, in units in which its scores vary by about 1.

        `reference` are the means of the features over its `n` outputs.
        """
        own = max(1, min(self.learnt, 2 * MEMORY - 1))
        rest = float(reference.sum())
        typical = float(np.square(reference).sum()) / rest + 0.05 if rest > 0 else 0.1
        spread = np.sqrt(typical * (reference + np.maximum(self.lead, 0.0)) + 1e-4)
        clear = self.lead / (spread * np.sqrt(1 / own + 1 / max(1, n)))
        weights = np.sign(clear) * np.maximum(np.abs(clear) - CLEAR, 0.0) / spread
        size = float(np.sqrt(np.square(weights * spread).sum()))
        result: Floats = weights / size if size > 0 else weights
        return result

    def take(self, output: Floats, reference: Floats) -> None:
        """Learn from one output, held against the means of the reference."""
        self.learnt += 1
        self.lead += (output - reference - self.lead) / min(self.learnt, MEMORY)

    def score(self, raw: float) -> float:
        """Return a score in standard deviations: those of the scores before it, and never less than the 1 that weights are made for.

        While the classifier tells nothing apart scores are 0, and their spread says nothing of what the first real one is worth.
        """
        scale = max(1.0, float(np.sqrt(self.variance)))
        ready = self.scored >= CALIBRATION
        self.scored += 1
        share = 1 / min(self.scored, MEMORY)
        off = raw - self.mean
        self.mean += share * off
        self.variance = (1 - share) * (self.variance + share * off * off)
        return raw / scale if ready else 0.0


def won(score: float, n: int, z: float) -> float:
    """Return the share of a bet that a score wins, less the margin for a mean over `n` outputs.

    >>> won(0.0, 10**9, 4.0) < 0.5 < won(1.0, 400, 4.0)
    True
    """
    margin = z / np.sqrt(n) + FLOOR
    return float(np.clip(0.5 + (score - margin) / (2 * WIDTH), 0.0, 1.0))
