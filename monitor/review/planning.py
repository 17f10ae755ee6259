"""How many more labels decide, and in which strata: each next one goes where it narrows the interval most.

Within a stratum the next ones are drawn by lot, so that every probability is known; what is chosen is only how many. Not for
finding cases: picks do that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.stats.intervals import share_interval

STEPS: Final = 40
"""Parts in which more labels are handed out: finer moves nothing."""


@dataclass(frozen=True)
class Cell:
    """A stratum as a planner sees it: how many answers there are, how many were judged, and how many of those violate."""

    n_units: int
    n: int
    found: float

    def reach(self, n: int, confidence: float = 0.95) -> float:
        """Return the width that its share is expected to have with `n` labels."""
        if n >= self.n_units:
            return 0.0
        share = (self.found + 0.5) / (self.n + 1) if self.n else 0.5
        effective = max(1.0, n * (self.n_units - 1) / (self.n_units - n))
        low, high = share_interval(min(share, 1.0) * effective, effective, confidence).interval
        return high - low


def shared(cells: Sequence[Cell], more: int) -> list[int]:
    """Return how many of `more` labels go to each of `cells`; fewer in all where there are not so many answers left."""
    whole = sum(cell.n_units for cell in cells)
    given, left = [0] * len(cells), min(more, sum(cell.n_units - cell.n for cell in cells))
    step = max(1, left // STEPS)
    while left > 0:
        gains = [_gain(cell, given[at], min(step, left), whole) for at, cell in enumerate(cells)]
        best = max(range(len(cells)), key=gains.__getitem__)
        part = min(step, left, cells[best].n_units - cells[best].n - given[best])
        given[best] += part
        left -= part
    return given


def _gain(cell: Cell, given: int, part: int, whole: int) -> float:
    """By how much each label of a part narrows the square of the whole width; below nothing where no answer is left."""
    room = min(part, cell.n_units - cell.n - given)
    if room <= 0:
        return -1.0
    before, after = (cell.reach(cell.n + n) for n in (given, given + room))
    return float((cell.n_units / whole) ** 2 * (before**2 - after**2) / room)
