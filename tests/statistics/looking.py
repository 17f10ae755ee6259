"""Reviews that grow by `review more` while somebody looks at the number: what it said at each look, with the truth known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.review.draw import FLOORS
from monitor.review.planning import Cell, shared
from monitor.review.results import Group, rate
from monitor.stats.ranks import Floats
from tests.statistics.review_weeks import CATCHES, FALSE_ALARMS

ANSWERS: Final = 1_500
FIRST: Final = 100
"""Answers that a review is opened with."""

MORE: Final = 40
"""Answers that are drawn at each further look."""

LOOKS: Final = 10


@dataclass(frozen=True)
class Look:
    """What a review says when somebody looks, after how many labels."""

    labels: int
    value: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Whether the interval holds the truth."""
        return self.low <= truth <= self.high


def week(truth: float, seed: int) -> list[Look]:
    """Return the looks at one week of answers, the share `truth` of which violates; people do not err."""
    rng = np.random.default_rng(seed)
    violates = (rng.permutation(ANSWERS) < round(truth * ANSWERS)).astype(float)
    flagged = np.where(violates > 0, rng.random(ANSWERS) < CATCHES, rng.random(ANSWERS) < FALSE_ALARMS)
    return list(_looks([violates[flagged], violates[~flagged]]))


def _looks(strata: list[Floats]) -> Iterator[Look]:
    """Opened as the product opens a panel of flagged and other answers; what is drawn next goes where its planner sends it.

    Answers stand in no order, so the next ones of a stratum are drawn by lot.
    """
    flagged = min(len(strata[0]), round(FLOORS["flagged"] * FIRST))
    taken = [flagged, FIRST - flagged]
    for _ in range(LOOKS):
        seen = [answers[:n] for answers, n in zip(strata, taken, strict=True)]
        whole = zip(strata, seen, strict=True)
        told = rate([Group(len(there), np.full(len(y), len(there) / max(1, len(y))), y) for there, y in whole])
        assert told is not None
        yield Look(sum(taken), told.value, told.low, told.high)
        cells = [Cell(len(there), len(y), float(y.sum())) for there, y in zip(strata, seen, strict=True)]
        taken = [n + more for n, more in zip(taken, shared(cells, MORE), strict=True)]
