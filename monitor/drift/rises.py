"""A change that goes on: how far it has come since its anchor, and how fast, told once a day as long as it moves."""

from __future__ import annotations

import copy

import numpy as np

from monitor.drift.change import Change
from monitor.drift.course import DAY_MS, SURE, course, told_as, usual
from monitor.drift.points import NOTHING, Points
from monitor.drift.state import Anchor, Stream
from monitor.drift.tracker import warm_points
from monitor.drift.trail import read_trail
from monitor.stats.edetector import Onset


def goes_on(anchor: Anchor) -> bool:
    """Whether the days since a change, of which the last has not been told of yet, move on the way it went."""
    since = course(anchor.days)
    if not since.known or anchor.days[-1].day <= anchor.told:
        return False
    slope, error = since.slope
    return slope * (float(since.mean[-1]) - usual(anchor.reference)) > 0 and abs(slope) >= SURE * error


def said(anchor: Anchor) -> Anchor:
    """Return an anchor of which it has been told how it went on to its last day."""
    after = copy.copy(anchor)
    after.told = anchor.days[-1].day if anchor.days else anchor.told
    return after


def newest(stream: Stream) -> Points | None:
    """Return what is known of the last day of a stream; None where it has just begun anew."""
    points = warm_points(stream.warm) if stream.reference is None else read_trail(stream.trail)[0]
    return points.only(points.time >= points.time.max() - DAY_MS) if len(points) else None


def since_anchor(segment: str, anchor: Anchor, recent: Points) -> Change:
    """Return the change from an anchor to the newest outputs. When it began is what its finding said, not when the rise went on."""
    began = anchor.since
    return Change(
        segment=segment,
        reference=anchor.reference,
        before=NOTHING,
        after=recent,
        weights=np.asarray([sum(day.n for day in anchor.days)]),
        combos=(),
        since=began,
        since_low=began,
        since_high=began,
        at=int(recent.time.max()),
        e_value=0.0,
        onset=Onset(0, 0, 0, anchor.function, 1),
    )


def speed(anchor: Anchor, change: Change) -> tuple[float, float]:
    """Return how much a metric moves a day in its own unit, and the standard error of that; nothing where days are too few."""
    since = course(anchor.days)
    if not since.known:
        return 0.0, 0.0
    moved = float(told_as(anchor.reference, change.after).mean()) - usual(anchor.reference)
    unit = 1.0 if change.is_rate else (change.current_value - change.reference_value) / moved if moved else 0.0
    slope, error = since.slope
    return slope * unit, error * abs(unit)
