"""A change as a reader wants it: from what to what, by how much with an interval, and what a stream says about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from monitor.drift.alarm import Alarm
from monitor.drift.points import DAY_MS, Ints, Points
from monitor.drift.reference import functions, is_count, level, means, natural_value
from monitor.drift.state import Combo, Reference, Stream
from monitor.drift.trail import read_trail, spans
from monitor.stats.edetector import Onset
from monitor.stats.intervals import Interval, median_interval, mover, newcombe
from monitor.stats.ranks import FUNCTIONS, Floats, mid_ranks

CONFIDENCE = 0.95
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Change:
    """One stream before and after. `after` are the outputs since the start, `before` those known just before it.

    `weights` says how many outputs each of `after` stands for, since older ones are thinned. `combos` are the composition rows
    that the numbers in both mean; times in milliseconds.
    """

    segment: str
    reference: Reference
    before: Points
    after: Points
    weights: Ints
    combos: tuple[Combo, ...]
    since: int
    since_low: int
    since_high: int
    at: int
    e_value: float
    onset: Onset
    slow: bool = False

    @property
    def is_rate(self) -> bool:
        return self.reference.kind == "rate"

    @property
    def reference_value(self) -> float:
        """The rate, the mean of a small count, or the median, of the reference."""
        return natural_value(self.reference)

    @property
    def current_value(self) -> float:
        """The same since the start."""
        return level(self.reference, self.after.value)

    @property
    def is_count(self) -> bool:
        """Whether it is told by means of small counts."""
        return is_count(self.reference)

    @property
    def interval(self) -> Interval:
        """An interval for the change, for one look at outputs that were picked because they changed: a size, not a proof."""
        if self.is_rate:
            n0, n1 = self.reference.n, len(self.after)
            past, present = (self.reference_value * n0, n0), (self.current_value * n1, n1)
            return newcombe(past, present, CONFIDENCE)
        sides = (self.reference.ranks, self.after.value.tolist())
        if self.is_count:
            return _welch(*(np.asarray(side, dtype=np.float64) for side in sides))
        intervals = [median_interval(side, CONFIDENCE) for side in sides]
        return mover((self.reference_value, self.current_value), intervals)

    @property
    def per_day(self) -> float:
        """How much it moves a day, from the first third of the outputs known before to the last third of those since."""
        whole = self.before.then(self.after)
        ends = (whole.cut(0, max(1, len(whole) // 3)), whole.cut(len(whole) - max(1, len(whole) // 3)))
        levels = [level(self.reference, side.value) for side in ends]
        days = (ends[1].time.mean() - ends[0].time.mean()) / DAY_MS
        return float((levels[1] - levels[0]) / days) if days > 0 else 0.0

    @property
    def shape(self) -> tuple[str, float, float]:
        """The function that moved most clearly: its name, its mean in the reference, its mean since."""
        moved = self.onset.function
        current = functions(self.reference, self.after)[:, moved].mean()
        return FUNCTIONS[moved], float(means(self.reference)[moved]), float(current)


def _welch(before: Floats, after: Floats) -> Interval:
    """An interval for the difference of two means, each with its own spread."""
    error = float(np.sqrt(sum(side.var() / max(1, len(side) - 1) for side in (before, after))))
    effect = float(after.mean() - before.mean())
    return Interval(effect - NORMAL_95 * error, effect + NORMAL_95 * error)


def moved_function(change: Change, side: Points) -> Floats:
    """Return, for each output of one side, the function that moved most clearly."""
    return functions(change.reference, side)[:, change.onset.function]


def of_alarm(segment: str, alarm: Alarm) -> Change:
    """Return the change that an alarm tells of."""
    return Change(
        segment=segment,
        reference=alarm.reference,
        before=alarm.points.cut(0, alarm.onset.best),
        after=alarm.points.cut(alarm.onset.best),
        weights=alarm.weights[alarm.onset.best :],
        combos=alarm.combos,
        since=alarm.since,
        since_low=alarm.since_low,
        since_high=alarm.since_high,
        at=alarm.at,
        e_value=alarm.e_value,
        onset=alarm.onset,
        slow=alarm.slow,
    )


def seen_from(change: Change, segment: str, stream: Stream) -> Change | None:
    """Return `change` with the numbers of another stream of the same metric; None where that has none since the start."""
    if stream.reference is None or stream.reference.kind != change.reference.kind:
        return None
    points, positions = read_trail(stream.trail)
    since = points.time >= change.since
    if not since.any():
        return None
    return replace(
        change,
        segment=segment,
        reference=stream.reference,
        combos=tuple(stream.combos),
        before=points.only(~since),
        after=points.only(since),
        weights=spans(positions)[since],
    )


@dataclass(frozen=True)
class Part:
    """One segment of a change: its outputs before and since, and its mean of the metric (or of its rank) in both."""

    segment: str
    n0: float
    m0: float
    n1: float
    m1: float


def part_of(whole: Change, segment: Change, seen: int) -> Part:
    """Return what one segment contributes to a change of the whole; `seen` counts all outputs of the segment ever."""
    n1 = float(segment.weights.sum())
    m1 = float(np.average(_comparable(whole, segment.after.value), weights=segment.weights))
    past = segment.reference
    m0 = float(means(past)[0]) if segment.is_rate else float(_comparable(whole, np.asarray(past.ranks)).mean())
    return Part(segment.segment, max(1.0, seen - n1), m0, n1, m1)


def _comparable(whole: Change, values: Floats) -> Floats:
    """Rates as they are; other metrics as ranks in the reference of the whole, which add up over segments."""
    return values if whole.is_rate else mid_ranks(np.asarray(whole.reference.ranks), values)
