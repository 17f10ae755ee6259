"""What one stream raises: the change, from where it began to where the next one does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from monitor.drift.points import Ints, Points
from monitor.drift.state import Combo, Reference
from monitor.stats.edetector import Onset


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


def until_next(alarms: list[Alarm]) -> list[Alarm]:
    """What came after an alarm in the same batch tells how large the change is, up to where the next change begins."""
    return [_until(*pair) for pair in zip_longest(alarms, (alarm.since for alarm in alarms[1:]))]


def _until(alarm: Alarm, end: int | None) -> Alarm:
    if end is None:
        return alarm
    later = np.flatnonzero(alarm.points.time[alarm.onset.best + 1 :] >= end)  # times need not be in order
    stop = alarm.onset.best + 1 + int(later[0]) if len(later) else len(alarm.points)
    return replace(alarm, points=alarm.points.cut(0, stop), weights=alarm.weights[:stop])
