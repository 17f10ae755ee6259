"""Many streams stepped at once by a few outputs each, as arrays over the streams.

What `monitor.drift.tracker.track` does to one stream where nothing happens, this does to all of them: same evidence, same references, same
trails. A stream to which anything may happen (an alarm, the end of a stage, a reference that is collected) is left as it is, for
`track`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.drift.calendar import add_all
from monitor.drift.combos import compact, numbered
from monitor.drift.detector import EDetector
from monitor.drift.points import Ints, Points
from monitor.drift.reference import functions
from monitor.drift.state import Combo, Reference, Stream, Trail, shortened
from monitor.drift.tracker import SILENCE_MS, TrackerSettings, as_watched, warmer
from monitor.drift.trail import LOOSE, SECOND_MS, all_longer, thinned
from monitor.drift.weeks import Week
from monitor.stats.edetector import BETS, LARGEST, Band, likelihood_ratios, mixed
from monitor.stats.ranks import Floats

FEW: Final = 100
"""Outputs of a stream up to which it is stepped with others: arrays over its own outputs are as quick for more."""

IN_TURN: Final = 8
"""Numbers from which on `sum` adds up several at a time."""


class Fed(NamedTuple):
    """One stream, what it is fed with, and how it is watched."""

    stream: Stream
    points: Points
    settings: TrackerSettings


class _Came(NamedTuple):
    """When outputs came, and the numbers of their rows, as plain numbers: the same for all streams of the same turns."""

    first: int
    last: int
    seconds: list[int]
    combo: list[int]


class _Ready(NamedTuple):
    """A stream that is watched, with its reference and bands; `combos` are its own, of which `combo` has one an output."""

    stream: Stream
    reference: Reference
    week: Week
    points: Points
    came: _Came
    value: Floats
    watched: Floats
    combos: list[Combo]
    combo: list[int]
    threshold: float
    grows: bool


def step_together(fed: Sequence[Fed], combos: Sequence[Combo]) -> list[bool]:
    """Step the streams to which nothing happens, and say which those are; the others are as they were."""
    stepped = [_collects(one, combos) for one in fed]
    came: dict[int, _Came] = {}
    ready = [_ready(one, _came(one.points, came), combos) for one in fed]
    for kind in ("rate", "numeric"):
        here = [at for at, one in enumerate(ready) if one is not None and one.reference.kind == kind]
        crowd = [one for at in here if (one := ready[at]) is not None]
        if crowd:
            for at, quiet in zip(here, _step(crowd), strict=True):
                stepped[at] = quiet
    return stepped


def _collects(fed: Fed, combos: Sequence[Combo]) -> bool:
    """Keep the outputs of a stream whose reference they do not complete yet; they are too few for arrays to pay."""
    stream, points = fed.stream, fed.points
    if stream.reference is not None or not 0 < len(points) <= FEW:
        return False
    times = points.time.tolist()
    first, last = times[0], times[-1]
    held = len(stream.warm.time) + len(times)
    if held >= fed.settings.stages[0] or first < stream.begin or last - min(first, stream.last or first) > SILENCE_MS:
        return False
    stream.combos, combo = numbered(stream.combos, points.combo.tolist(), combos)
    stream.warm = warmer(stream.warm, points, combo)
    stream.born, stream.last = stream.born or first, max(stream.last, last)
    stream.seen, stream.n = stream.seen + len(times), held
    compact(stream)
    return True


def _came(points: Points, known: dict[int, _Came]) -> _Came | None:
    """Return when outputs came, where they are few; streams of the same turns share the very array of times."""
    if not 0 < len(points) <= FEW:
        return None
    if id(points.time) not in known:
        seconds = (points.time // SECOND_MS).tolist()
        known[id(points.time)] = _Came(int(points.time[0]), int(points.time[-1]), seconds, points.combo.tolist())
    return known[id(points.time)]


def _ready(fed: Fed, came: _Came | None, combos: Sequence[Combo]) -> _Ready | None:
    """Return the stream as it is before the step; None where something may happen to it."""
    stream, reference, points = fed.stream, fed.stream.reference, fed.points
    if reference is None or came is None or not isinstance(fed.settings.detector, EDetector):
        return None
    first, last = came.first, came.last
    if first < stream.begin or not stream.trail.time or last - min(first, stream.last or first) > SILENCE_MS:
        return None
    goal = next((stage for stage in fed.settings.stages if stage > reference.n), None)
    if goal is not None and reference.growing_n + len(points) >= goal:
        return None
    if reference.kind == "rate" and not all(0 <= output <= 1 for output in points.outputs.tolist()):
        return None
    part = as_watched(reference, points)
    watched = functions(reference, part)
    known, combo = numbered(stream.combos, came.combo, combos)
    return _Ready(
        stream=stream,
        reference=reference,
        week=fed.settings.week(reference),
        points=points,
        came=came,
        value=part.value,
        watched=watched,
        combos=known,
        combo=combo,
        threshold=fed.settings.threshold_at(stream.seen + len(points), max(stream.last, last) - (stream.born or first)),
        grows=goal is not None,
    )


def _step(crowd: Sequence[_Ready]) -> list[bool]:
    """Step streams of one kind, and say to which of them nothing happened."""
    state, crossed = _advanced(crowd)
    quiet = [one for one, loud in zip(crowd, crossed, strict=True) if not loud]
    if quiet:
        rows = _plain(shortened(np.minimum(state[~crossed], LARGEST), 4), quiet[0].watched.shape[1])
        _write(quiet, rows)
    return [not loud for loud in crossed.tolist()]


def _plain(state: Floats, functions_: int) -> list[Any]:
    plain: list[Any] = state.reshape(len(state), functions_, -1).tolist()
    return plain


def _advanced(crowd: Sequence[_Ready]) -> tuple[Floats, NDArray[np.bool_]]:
    """The evidence of each stream after its outputs (streams x bets), and whether it reached its threshold on the way."""
    sizes = np.asarray([len(one.points) for one in crowd])
    owner = np.repeat(np.arange(len(crowd)), sizes)
    rows, bands = _bands(crowd, owner)
    watched = np.concatenate([one.watched for one in crowd])[rows]
    path = likelihood_ratios(watched, bands).reshape(len(rows), 2 * len(BETS) * watched.shape[1])
    state = np.asarray([one.stream.evidence for one in crowd], dtype=np.float64).reshape(len(crowd), -1)
    owner = owner[rows]
    for now in _in_turn(owner, len(crowd)):
        whose = owner[now]
        with np.errstate(over="ignore"):
            path[now] = state[whose] = (state[whose] + 1.0) * path[now]
    thresholds = np.asarray([one.threshold for one in crowd])
    crossed = np.zeros(len(crowd), dtype=bool)
    crossed[owner[mixed(path) >= thresholds[owner]]] = True
    return state, crossed


def _bands(crowd: Sequence[_Ready], owner: Ints) -> tuple[Ints, Band]:
    """Which outputs may be judged, as positions, and the band of each."""
    parts = crowd[0].week.parts(np.concatenate([one.points.time for one in crowd]))
    of = np.cumsum([0, *(len(one.week.seen) for one in crowd[:-1])])[owner] + parts
    rows = np.flatnonzero(np.concatenate([one.week.seen for one in crowd])[of])
    place = np.cumsum([0, *(len(one.week.low) for one in crowd[:-1])])[owner[rows]] + parts[rows]
    low, high = (np.concatenate([getattr(one.week, side) for one in crowd]) for side in ("low", "high"))
    return rows, Band(low[place], high[place])


def _in_turn(owner: Ints, streams: int) -> Iterator[Ints]:
    """Yield the rows that are the first of their stream, then the second, and so on; `owner` is in order."""
    sizes = np.bincount(owner, minlength=streams)
    turn = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    order = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.bincount(turn)) if len(turn) else np.zeros(0, dtype=np.int64)
    for start, end in pairwise([0, *ends.tolist()]):
        yield order[start:end]


def _write(quiet: Sequence[_Ready], evidence: Sequence[Any]) -> None:
    """Change the streams: everything is known by now, so that none is changed by half."""
    trails = _longer(quiet)
    _grow([one for one in quiet if one.grows])
    for one, rows, trail in zip(quiet, evidence, trails, strict=True):
        stream, came = one.stream, one.came
        stream.born, stream.last = stream.born or came.first, max(stream.last, came.last)
        stream.seen, stream.n = stream.seen + len(came.seconds), one.reference.growing_n
        stream.evidence, stream.trail, stream.combos = rows, trail, one.combos
        compact(stream)


def _longer(quiet: Sequence[_Ready]) -> list[Trail]:
    """The trail of each stream with its outputs; of those that are thinned now, all at once."""
    values = shortened(np.concatenate([one.value for one in quiet])).tolist()
    ends = accumulate((len(one.points) for one in quiet), initial=0)
    fresh = [(one.came.seconds, one.combo, values[a:b]) for one, (a, b) in zip(quiet, pairwise(ends), strict=True)]
    trails = all_longer([one.stream.trail for one in quiet], fresh)
    full = [at for at, trail in enumerate(trails) if trail.loose > LOOSE]
    for at, trail in zip(full, thinned([trails[at] for at in full]) if full else [], strict=True):
        trails[at] = trail
    return trails


def _grow(growing: Sequence[_Ready]) -> None:
    """Take the outputs into the growing part of each reference."""
    if not growing:
        return
    sizes = np.asarray([len(one.points) for one in growing])
    watched = np.concatenate([one.watched for one in growing])
    sums, squared = sums_of_each(watched, sizes), sums_of_each(np.square(watched), sizes)
    total = sums + np.asarray([one.reference.growing_total for one in growing])
    squares = squared + np.asarray([one.reference.growing_squares for one in growing])
    parts = growing[0].week.parts(np.concatenate([one.points.time for one in growing]))
    weeks = add_all(
        [one.reference.growing_week for one in growing], parts, watched, np.repeat(np.arange(len(growing)), sizes)
    )
    for one, week, of_values, of_squares in zip(growing, weeks, total.tolist(), squares.tolist(), strict=True):
        reference = one.reference
        reference.growing_n += len(one.points)
        reference.growing_total, reference.growing_squares, reference.growing_week = of_values, of_squares, week
        for number in one.combo:
            reference.composition[number] = reference.composition.get(number, 0) + 1


def sums_of_each(rows: Floats, sizes: Ints) -> Floats:
    """Return the sums of stretches of `rows` of these sizes, each to the last digit as `sum` has it.

    In another order a sum may fall on the other side of where it is rounded. Fewer than eight numbers are added up one after the other.
    """
    ends = np.cumsum(sizes)
    starts, most = ends - sizes, int(sizes.max())
    if most >= IN_TURN:
        return np.stack([rows[a:b].sum(axis=0) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
    sums: Floats = rows[starts]
    for turn in range(1, most):
        longer = np.flatnonzero(sizes > turn)
        sums[longer] += rows[starts[longer] + turn]
    return sums
