"""A change that goes on: how far it has come since its anchor, and how fast; told once a day while it does, and once when it no longer does."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.drift.change import Change
from monitor.drift.course import Slope, course, told_as, usual
from monitor.drift.finding_sentences import HOW, WHO
from monitor.drift.points import DAY_MS, NOTHING, Points
from monitor.drift.state import Anchor, Stream
from monitor.drift.tracker import warm_points
from monitor.drift.trail import read_trail
from monitor.stats.edetector import Onset

LEAST: Final = 30
"""Outputs that a value is told of."""

RECENT_DAYS: Final = 7

BESIDE: Final = "; the last week beside the one before: "
"""What stands between the evidence of a change and that of how it goes on."""


@dataclass(frozen=True)
class Rise:
    """How far a change has come that goes on: what its finding says from now on."""

    finding: str
    current_value: float
    change: float
    change_low: float
    change_high: float
    sentence: str
    beside: str = ""

    def retold(self, reason: str) -> str:
        """Return the reason of the finding with another sentence; who changed, and how that is known, stays.

        >>> Rise("f", 0.3, 0.2, 0.1, 0.3, "It is 30 %; it goes on").retold("It is 20 %. How we know: e-value 9")
        'It is 30 %; it goes on. How we know: e-value 9'
        """
        ends = [place for mark in (WHO, HOW) if (place := reason.find(mark)) >= 0]
        kept = reason[min(ends) :].partition(BESIDE)[0] if ends else ""
        return self.sentence + kept + (BESIDE + self.beside if self.beside else "")


@dataclass(frozen=True)
class Asked:
    """Whether a change still moves, how fast, and up to which day that was asked."""

    going: bool
    slope: Slope | None
    day: int


def asked(anchor: Anchor) -> Asked | None:
    """Ask a change how it goes on, once for each day that is over; None where that has been asked."""
    whole = anchor.days[:-1]
    if not whole or whole[-1].day <= anchor.told:
        return None
    since = course(whole)
    slope = since.slope
    if slope is None or slope.per_day * (since.of_last_week - usual(anchor.reference)) <= 0:
        return Asked(False, slope, whole[-1].day)
    return Asked(slope.is_sure or (anchor.going and not slope.has_stopped), slope, whole[-1].day)


def answered(anchor: Anchor, answer: Asked) -> Anchor:
    """Return an anchor that has been asked."""
    after = copy.copy(anchor)
    after.told, after.going = answer.day, answer.going
    return after


def newest(stream: Stream) -> Points | None:
    """Return what is known of the last seven days of a stream; None where that is little."""
    points = warm_points(stream.warm) if stream.reference is None else read_trail(stream.trail)[0]
    if not len(points):
        return None
    recent = points.only(points.time >= points.time.max() - RECENT_DAYS * DAY_MS)
    return recent if len(recent) >= LEAST else None


def since_anchor(segment: str, anchor: Anchor, recent: Points) -> Change:
    """Return the change from an anchor to the newest outputs. When it began is what its finding said, not when the rise went on."""
    began = anchor.since
    return Change(
        segment=segment,
        reference=anchor.reference,
        before=NOTHING,
        after=recent,
        weights=np.ones(len(recent), dtype=np.int64),
        combos=(),
        since=began,
        since_low=began,
        since_high=began,
        at=int(recent.time.max()),
        e_value=0.0,
        onset=Onset(0, 0, 0, anchor.function, 1),
    )


def natural(anchor: Anchor, change: Change, slope: Slope) -> Slope:
    """Return a slope in the unit of the metric."""
    moved = float(told_as(anchor.reference, change.after).mean()) - usual(anchor.reference)
    unit = 1.0 if change.is_rate else (change.current_value - change.reference_value) / moved if moved else 0.0
    return Slope(slope.per_day * unit, slope.error * abs(unit), slope.quantile)
