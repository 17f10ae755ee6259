"""The frozen anchor of a stream whose change is open: what it was like before, until it is so again, or that is given up.

An alarm lets a stream begin a second, provisional reference. The first is kept as its anchor, so that the change can be seen to
return, and so that a slow rise, which moves on from every provisional reference, stays one finding that says how far it has come.
Only a person (`accepted`) or time (`drift.expires`) makes the second reference the only one.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.drift.alarm import Alarm
from monitor.drift.course import counted, course
from monitor.drift.points import DAY_MS, Points
from monitor.drift.reference import functions, means
from monitor.drift.state import Anchor, Reference, Stream
from monitor.drift.tracker import TrackerSettings, resume, warm_points

BACK: Final = 0.35
"""What may be left of a change, as a share of it, when it has returned."""

SURE: Final = 5.0
"""Standard errors that a change must be apart, before outputs say that it has returned."""

CLEAR: Final = 6.0
"""Log likelihood by which a trail must tell a further change better as a step than as a rise, to overrule days that do not."""

LEAST: Final = 30
"""Outputs that say so, at least."""


@dataclass(frozen=True)
class Settled:
    """What became of a stream's alarms: those that tell something new, the anchor, findings that returned, a rise that went on."""

    alarms: list[Alarm]
    anchor: Anchor | None
    returned: tuple[str, ...] = ()
    rise: Alarm | None = None


def settle(stream: Stream, alarms: list[Alarm], anchor: Anchor | None, settings: TrackerSettings) -> Settled:
    """Hold the alarms of a batch against the anchor. A stream that is back is watched against its anchor again."""
    if anchor is None:
        return Settled(alarms, None)
    kept, returned, rise = [], False, None
    for alarm in alarms:
        since = alarm.points.cut(alarm.onset.best)
        if returned or anchor.reference.kind != alarm.reference.kind:
            kept.append(alarm)
        elif _is_back(anchor, since):
            returned = True
            if alarm is alarms[-1]:
                resume(stream, restored(anchor), since, settings)
        elif not _is_step(anchor, alarm) and _further(anchor, since):
            rise, anchor = alarm, _moved(anchor, since)
        else:
            kept.append(alarm)
    if not alarms and stream.reference is None and (points := _quietly_back(anchor, stream)) is not None:
        returned = True
        resume(stream, restored(anchor), points, settings)
    return Settled(kept, None, tuple(anchor.findings)) if returned else Settled(kept, anchor, (), rise)


def anchored(known: Anchor | None, alarm: Alarm, finding: str, *, lead: bool) -> Anchor:
    """Return the anchor of a stream that raised `alarm`, which `finding` tells; an anchor that is there stays what it is."""
    since, weights = alarm.points.cut(alarm.onset.best), alarm.weights[alarm.onset.best :].astype(np.float64)
    if known is not None and known.reference.kind == alarm.reference.kind:
        after = _moved(known, since)
        after.findings = list(dict.fromkeys([*known.findings, finding]))
        after.days = counted([], known.reference, since, weights)
        return after
    function = alarm.onset.function
    return Anchor(
        findings=[finding],
        lead=finding if lead else "",
        reference=_frozen(alarm.reference),
        function=function,
        before=(before := float(means(alarm.reference)[function])),
        after=_at_least(alarm.reference, function, before, since),
        since=alarm.since,
        at=alarm.at,
        days=counted([], alarm.reference, since, weights),
    )


def restored(anchor: Anchor) -> Reference:
    """Return the reference of an anchor as one that is watched against, and that grows on where it had not grown up."""
    reference = copy.deepcopy(anchor.reference)
    reference.growing_week = copy.deepcopy(reference.week)
    return reference


def lived(anchor: Anchor, points: Points) -> Anchor:
    """Return an anchor after outputs of its stream."""
    after = copy.copy(anchor)
    after.days = counted(anchor.days, anchor.reference, points.only(points.time >= anchor.since))
    return after


def _is_step(anchor: Anchor, alarm: Alarm) -> bool:
    """Whether a further change is a step rather than a rise: the days since the change say so, or the trail, which knows hours, clearly does."""
    since = course(anchor.days)
    return (since.known and since.step_over_line(alarm.since // DAY_MS) >= 0) or alarm.step >= CLEAR


def _frozen(reference: Reference) -> Reference:
    """A reference as of its last stage, without what grows; rows of its composition mean nothing once a stream has gone on."""
    frozen = copy.deepcopy(reference)
    frozen.growing_n, frozen.growing_total, frozen.growing_squares = frozen.n, frozen.total, frozen.squares
    frozen.growing_week = type(frozen.week)()
    frozen.composition = {}
    return frozen


def _level(reference: Reference, function: int, points: Points) -> float:
    return float(functions(reference, points)[:, function].mean())


def _moved(anchor: Anchor, since: Points) -> Anchor:
    moved = copy.copy(anchor)
    moved.after = _at_least(anchor.reference, anchor.function, anchor.before, since)
    return moved


def _at_least(reference: Reference, function: int, before: float, since: Points) -> float:
    """The level since a change, nearer to the one before by two standard errors: few outputs that stood out exaggerate."""
    values = functions(reference, since)[:, function]
    gap, error = float(values.mean()) - before, float(values.std() / math.sqrt(len(values)))
    return before + math.copysign(max(0.0, abs(gap) - 2 * error), gap)


def _is_back(anchor: Anchor, since: Points) -> bool:
    level = _level(anchor.reference, anchor.function, since)
    return abs(level - anchor.before) <= BACK * abs(anchor.after - anchor.before)


def _further(anchor: Anchor, since: Points) -> bool:
    level = _level(anchor.reference, anchor.function, since)
    return (level - anchor.after) * (anchor.after - anchor.before) > 0


def _quietly_back(anchor: Anchor, stream: Stream) -> Points | None:
    """The newest outputs of a stream that still collects its second reference, where they say that the change has returned."""
    gap = abs(anchor.after - anchor.before)
    if gap <= 0 or not stream.warm.time:
        return None
    spread = max(anchor.before * (1 - anchor.before), anchor.after * (1 - anchor.after), 0.01)
    need = max(LEAST, math.ceil(spread * (SURE / gap) ** 2))
    if len(stream.warm.time) < need:
        return None
    points = warm_points(stream.warm)
    recent = points.only(np.arange(len(points)) >= len(points) - need)
    fits = anchor.reference.kind == "numeric" or bool(((recent.outputs >= 0) & (recent.outputs <= 1)).all())
    return recent if fits and _is_back(anchor, recent) else None
