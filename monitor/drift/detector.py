"""What a tracker asks of a change detector, and the one that is used: the e-detector.

A detector holds no state: evidence goes in and comes out as plain numbers, which the tracker saves. Its threshold is a mean
number of outputs until a false alarm; a detector that cannot promise that does not keep the budget and belongs in a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.stats.edetector import Advance, Band, Evidence, Onset, advance, no_evidence, onset
from monitor.stats.ranks import Floats


class Detector(Protocol):
    """Watches functions of outputs, each in [0, 1], against the band in which their means are no news."""

    def start(self, functions: int) -> Evidence:
        """Return the evidence before the first output."""
        ...

    def advance(self, evidence: Evidence, values: Floats, band: Band, threshold: float) -> Advance:
        """Feed `values` (outputs x functions, in order) up to the first crossing of `threshold`."""
        ...

    def onset(self, values: Floats, band: Band, log_prior: Floats) -> Onset:
        """Return where among `values` the change began; asked after an alarm only."""
        ...


@dataclass(frozen=True)
class EDetector:
    """The mixture e-detector (`monitor.stats.edetector`); starts within a factor `odds` of the best one are plausible."""

    odds: float = 60.0

    def start(self, functions: int) -> Evidence:
        """Return no evidence."""
        return no_evidence(functions)

    def advance(self, evidence: Evidence, values: Floats, band: Band, threshold: float) -> Advance:
        """Return the new evidence, and where it reached `threshold`."""
        return advance(evidence, values, band, threshold)

    def onset(self, values: Floats, band: Band, log_prior: Floats) -> Onset:
        """Return the likeliest start and its likelihood range."""
        return onset(values, band, self.odds, log_prior)
