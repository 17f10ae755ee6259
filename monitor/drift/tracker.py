"""Follow one stream: collect a reference, watch against it, raise an alarm, and start anew from where the change began.

Nothing here knows of time but the times of the outputs, and nothing of other streams but how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from monitor.drift.alarm import Alarm, until_next
from monitor.drift.combos import compact, in_stream_numbers
from monitor.drift.detector import Detector
from monitor.drift.points import DAY_MS, Ints, Points, single
from monitor.drift.reference import build, fits, freeze, functions, grow
from monitor.drift.state import Combo, Reference, Stream, Trail, Warm, short, shorts
from monitor.drift.trail import extend, joined, spans, stepped, unrolled, write_trail
from monitor.drift.weeks import Week, week_of
from monitor.stats.budget import alarm_threshold, band_z
from monitor.stats.edetector import Onset
from monitor.stats.ranks import Floats

SILENCE_MS: Final = 30 * DAY_MS
"""A longer silence counts as this much: one output of a clock that stood at 1970 must not make a stream look slow."""


@dataclass(frozen=True)
class TrackerSettings:
    """How a stream is watched: the stages of its reference, the floors, its part of the alarm budget, and by what."""

    stages: tuple[int, ...]
    rate_floor: float
    rank_floor: float
    zone: str
    share: float  # of the budget
    alarms: float
    period_ms: float
    detector: Detector

    def week(self, reference: Reference) -> Week:
        """Return the bands of `reference`, which move only when a stage of it ends or the number of streams changes."""
        floor = self.rate_floor if reference.kind == "rate" else self.rank_floor
        return week_of(reference, self.margin(len(reference.total)), floor, self.zone)

    def margin(self, functions: int) -> float:
        """Return how many standard errors a mean of a reference is given, so that its bands miss no more often than its share allows."""
        return band_z(1 / self.share, functions, len(self.stages))

    def threshold(self, stream: Stream) -> float:
        """Return the evidence at which an alarm is worth its share of the budget."""
        return self.threshold_at(stream.seen, stream.last - stream.born)

    def threshold_at(self, seen: int, within_ms: int) -> float:
        """Return that threshold for a stream that saw so many outputs within so long."""
        pace = seen / max(DAY_MS, within_ms)  # over a day at least: a burst says little about a year
        return alarm_threshold(pace * self.period_ms, 1 / self.share, self.alarms)


def stages(first: int, outputs: int) -> tuple[int, ...]:
    """Return the sizes at which a reference is estimated again.

    >>> stages(250, 2000)
    (250, 500, 1000, 2000)
    """
    sizes = [min(first, outputs)]
    while sizes[-1] < outputs:
        sizes.append(min(2 * sizes[-1], outputs))
    return tuple(sizes)


def track(
    metric: str, stream: Stream, points: Points, combos: Sequence[Combo], settings: TrackerSettings
) -> list[Alarm]:
    """Feed `points` into `stream`, which is changed, and return the alarms, in order.

    `combos` are the composition rows that the numbers in `points` mean. Outputs may come late and in any order: what was
    consumed is never revised, so late ones are new evidence in the order of their coming. Those of before the present
    reference began are no evidence about it: they are counted as skipped.
    """
    queue = in_stream_numbers(stream, _not_before(stream, points), combos)
    _pace(stream, queue.time)
    alarms = []
    while len(queue):
        if stream.reference is None:
            queue = _collect(metric, stream, queue, settings)
        elif not fits(stream.reference, queue):
            _start_anew(stream)
        else:
            queue, alarm = _watch(stream, stream.reference, queue, settings)
            alarms += [alarm] if alarm else []
    stream.n = stream.reference.growing_n if stream.reference else len(stream.warm.time)
    compact(stream)
    return until_next(alarms)


def _not_before(stream: Stream, points: Points) -> Points:
    late = points.time < stream.begin
    stream.skipped += int(late.sum())
    return points.only(~late) if late.any() else points


def _pace(stream: Stream, time: Ints) -> None:
    """Take in when outputs came; what a silence has beyond the longest that counts is taken off by a later birth."""
    if not len(time):
        return
    first, last = int(time.min()), int(time.max())
    stream.born = stream.born or first
    if last - min(first, stream.last or first) > SILENCE_MS:
        silences = np.diff(np.sort(time), prepend=stream.last or first)
        stream.born += int(np.clip(silences - SILENCE_MS, 0, None).sum())
    stream.last = max(stream.last, last)
    stream.seen += len(time)


def of_version(stream: Stream, graded_by: str) -> bool:
    """Start `stream` anew where it holds verdicts of other graders: what they say differently is no change of the traffic.

    Returns whether it did.
    """
    other = bool(stream.graded_by) and stream.graded_by != graded_by
    if other:
        _start_anew(stream)
    stream.graded_by = graded_by or stream.graded_by
    return other


def _start_anew(stream: Stream) -> None:
    stream.reference, stream.warm, stream.trail, stream.evidence = None, Warm(), Trail(), []


def _collect(metric: str, stream: Stream, queue: Points, settings: TrackerSettings) -> Points:
    need = settings.stages[0] - len(stream.warm.time)
    fresh = queue.cut(0, need)
    if len(fresh) < need:
        stream.warm = warmer(stream.warm, fresh, fresh.combo.tolist())
    else:
        points = warm_points(stream.warm).then(fresh)
        reference = build(metric, points, settings.zone)
        points = as_watched(reference, points)
        stream.reference, stream.warm = reference, Warm()
        stream.begin = max(stream.begin, int(points.time.min()))
        stream.evidence = settings.detector.start(len(reference.total))
        stream.trail = write_trail(points, np.arange(len(points)), len(points))
    return queue.cut(min(need, len(queue)))


def warmer(warm: Warm, fresh: Points, combo: Sequence[int]) -> Warm:
    """Return what is kept of points while they wait: of each group the first and the last output; `combo` numbers their rows."""
    outputs, starts = [short(value) for value in fresh.outputs.tolist()], fresh.starts.tolist()
    if len(starts) == len(outputs):
        kept = [[value] for value in outputs]
    else:
        kept = [[outputs[at] for at in sorted({a, b - 1})] for a, b in pairwise([*starts, len(outputs)])]
    return Warm(
        time=stepped(warm.time, fresh.time.tolist()),
        combo=joined(warm.combo, combo),
        outputs=warm.outputs + kept,
    )


def resume(stream: Stream, reference: Reference, points: Points, settings: TrackerSettings) -> None:
    """Watch `stream` against `reference` again; `points` are its newest outputs, which began to be like it."""
    _start_anew(stream)
    watched = as_watched(reference, points)
    stream.reference = reference
    stream.evidence = settings.detector.start(len(reference.total))
    stream.trail = write_trail(watched, np.arange(len(watched)), len(watched))
    stream.n = reference.growing_n


def warm_points(warm: Warm) -> Points:
    """Return the points that a stream has collected for its reference."""
    sizes = [len(outputs) for outputs in warm.outputs]
    starts = np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, dtype=np.int64)
    outputs = np.asarray([value for group in warm.outputs for value in group], dtype=np.float64)
    first = np.asarray([group[0] for group in warm.outputs], dtype=np.float64)
    time = np.cumsum(np.asarray(warm.time, dtype=np.int64))
    return Points(time, first, unrolled(warm.combo), outputs, starts.astype(np.int64))


def as_watched(reference: Reference, points: Points) -> Points:
    """Return points as they are watched: the value of one of a rate is the share over its outputs, else it is one output as it was."""
    if reference.kind == "numeric" or len(points.outputs) == len(points):
        return points
    return single(points.time, points.mean(points.outputs), points.combo)


def _watch(
    stream: Stream, reference: Reference, queue: Points, settings: TrackerSettings
) -> tuple[Points, Alarm | None]:
    goal = next((stage for stage in settings.stages if stage > reference.n), None)
    part = as_watched(reference, queue.cut(0, goal - reference.growing_n if goal else None))
    week = settings.week(reference)
    rows, bands = week.of(part.time)
    step = settings.detector.advance(
        stream.evidence, functions(reference, part)[rows], bands, settings.threshold(stream)
    )
    if step.alarm:
        used = int(rows[step.used - 1]) + 1
        points, positions = extend(stream.trail, part.cut(0, used))
        rest = queue.cut(used)
        start = _onset(reference, points, week, settings.detector)
        alarm = _alarm(stream, reference, (points, positions), rest, start, step.e_value)
        _start_anew(stream)
        stream.begin = alarm.since
        # At least one output is left behind, so that a batch cannot be gone through for ever.
        return points.cut(max(1, start.best)).then(rest), alarm
    points, positions = extend(stream.trail, part)
    stream.trail = write_trail(points, positions, stream.trail.count + len(part))
    stream.evidence = shorts(np.asarray(step.evidence), 4)
    if goal:
        _grow(stream, reference, part, goal, settings)
    return queue.cut(len(part)), None


def _onset(reference: Reference, points: Points, week: Week, detector: Detector) -> Onset:
    """The start among all points of the trail, of which those without a reference say nothing."""
    rows, bands = week.near(points.time)
    found = detector.onset(functions(reference, points)[rows], bands, after_silence(points.time)[rows])
    low = int(rows[found.low - 1]) + 1 if found.low else 0
    return replace(found, best=int(rows[found.best]), low=low, high=int(rows[found.high]))


def after_silence(time: Ints) -> Floats:
    """Return how much likelier a change begins at each output, given the silence before it, as a logarithm.

    Months without traffic are a likelier time for a change than the moment between two outputs. Nights are not much
    likelier than days, so a silence counts only in hundreds of the usual gap. A late output comes after no silence.
    """
    gaps = np.maximum(np.diff(time, prepend=time[:1]), 0).astype(np.float64)
    usual = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1.0
    likelier: Floats = np.log1p(gaps / (100 * usual))
    return likelier


def _grow(stream: Stream, reference: Reference, part: Points, goal: int, settings: TrackerSettings) -> None:
    grow(reference, part, settings.zone)
    if reference.growing_n >= goal:
        freeze(reference)
        stream.evidence = settings.detector.start(len(reference.total))


def _alarm(
    stream: Stream, reference: Reference, trail: tuple[Points, Ints], rest: Points, start: Onset, e_value: float
) -> Alarm:
    points, positions = trail
    plausible = points.time[[max(0, start.low - 1), start.best, start.high]]
    return Alarm(
        at=int(points.time[-1]),
        since=int(points.time[start.best]),
        since_low=int(plausible.min()),
        since_high=int(plausible.max()),
        e_value=e_value,
        onset=start,
        reference=reference,
        points=points.then(as_watched(reference, rest)),
        weights=np.concatenate((spans(positions), np.ones(len(rest), dtype=np.int64))),
        combos=tuple(stream.combos),
    )
