"""The trail: recent outputs of a stream, so that an alarm can say since when, from what to what, and what else changed then.

Recent outputs are all kept, older ones ever more sparsely, so that a start d outputs ago is known to about d / 28 outputs in
constant memory. Which positions are kept depends on the age alone and is nested, hence need not be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, groupby, pairwise
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.drift.points import Ints, Points, single
from monitor.drift.state import Trail, shorts
from monitor.stats.ranks import Floats

T = TypeVar("T")

_PER_LEVEL: Final = 28
SECOND_MS: Final = 1000
_LEVELS: Final = 7
"""Reaches back 28 * (2 ** 8 - 1) = 7,140 outputs with at most 224 of them."""

LOOSE: Final = 64
"""Outputs that may be added to a trail in memory before it is thinned."""


def kept_positions(count: int) -> Ints:
    """Return the positions that a trail of `count` outputs still holds."""
    positions = np.arange(_first(count), count)
    kept: Ints = positions[_held(positions, count)]
    return kept


def _first(count: int) -> int:
    reach: int = _PER_LEVEL * (2 ** (_LEVELS + 1) - 1)
    return max(0, count - reach)


def _held(positions: Ints, count: int) -> NDArray[np.bool_]:
    """Tell of each position whether a trail of `count` outputs still holds it."""
    levels = np.floor(np.log2((count - 1 - positions) / _PER_LEVEL + 1)).astype(np.int64)
    held: NDArray[np.bool_] = (positions >= _first(count)) & (positions % (1 << levels) == 0)
    return held


def read_trail(trail: Trail) -> tuple[Points, Ints]:
    """Return the points of a trail and their positions."""
    if trail.loose:
        return read_trail(*thinned([trail]))
    return single(np.cumsum(trail.time) * SECOND_MS, trail.value, unrolled(trail.combo)), kept_positions(trail.count)


def write_trail(points: Points, positions: Ints, count: int) -> Trail:
    """Return the trail of `points` at `positions`, thinned to what a trail of `count` outputs keeps."""
    keep = _held(positions, count)
    return Trail(
        count=count,
        time=np.diff(points.time[keep] // SECOND_MS, prepend=0).tolist(),
        combo=runs(points.combo[keep]),
        value=shorts(points.value[keep]),
    )


def runs(numbers: Ints) -> list[tuple[int, int]]:
    """Return `numbers` as (number, how often in a row)."""
    edges = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    lengths = np.diff(np.append(edges, len(numbers)))
    return list(zip(numbers[edges].tolist(), lengths.tolist(), strict=True))


def joined(known: list[tuple[int, int]], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the runs of those numbers of which `known` are the runs, followed by `numbers`.

    >>> joined([(1, 2), (3, 1)], [3, 3, 3, 3, 1])
    [(1, 2), (3, 5), (1, 1)]
    """
    fresh = [(number, len(list(same))) for number, same in groupby(numbers)]
    if not known or not fresh or known[-1][0] != fresh[0][0]:
        return [*known, *fresh]
    return [*known[:-1], (known[-1][0], known[-1][1] + fresh[0][1]), *fresh[1:]]


def stepped(steps: list[int], times: Sequence[int]) -> list[int]:
    """Return the times of which `steps` are kept, each minus the one before, followed by `times`, as steps.

    >>> stepped([5, 2], [8, 8])
    [5, 2, 1, 0]
    """
    return [*steps, *(after - before for before, after in pairwise([sum(steps), *times]))]


def unrolled(pairs: Sequence[tuple[int, int]]) -> Ints:
    """Return the numbers that `runs` was given."""
    return np.repeat(np.asarray([c for c, _ in pairs], dtype=np.int64), [n for _, n in pairs])


def extend(trail: Trail, points: Points) -> tuple[Points, Ints]:
    """Return the points of `trail` followed by `points`, all of them, with positions."""
    old, positions = read_trail(trail)
    fresh = np.arange(trail.count, trail.count + len(points))
    return old.then(points), np.concatenate((positions, fresh))


Fresh = tuple[Sequence[int], Sequence[int], Sequence[float]]
"""Outputs of a time in seconds, a composition row and a value each."""


def longer(trail: Trail, fresh: Fresh) -> Trail:
    """Return a trail with its next outputs, none of them thinned yet."""
    return all_longer([trail], [fresh])[0]


def all_longer(trails: Sequence[Trail], fresh: Sequence[Fresh]) -> list[Trail]:
    """Return many trails, each with its next outputs; times and rows that some share, which are the very same lists, they share on."""
    shared: dict[tuple[Any, ...], tuple[list[int], list[tuple[int, int]]]] = {}
    found = []
    for trail, (seconds, combo, value) in zip(trails, fresh, strict=True):
        same = (id(trail.time), id(trail.combo), id(seconds), *combo)
        if same not in shared:
            shared[same] = stepped(trail.time, seconds), joined(trail.combo, combo)
        time, rows = shared[same]
        count, loose, values = trail.count + len(seconds), trail.loose + len(seconds), [*trail.value, *value]
        found.append(Trail(count=count, loose=loose, time=time, combo=rows, value=values))
    return found


def thinned(trails: Sequence[Trail]) -> list[Trail]:
    """Return many trails as they are stored: each is what `write_trail` makes of what `extend` returns."""
    sizes = np.asarray([len(trail.time) for trail in trails])
    kept = np.concatenate([_still_kept(trail.count - trail.loose, trail.count) for trail in trails])
    runs_ = np.asarray(list(chain.from_iterable(trail.combo for trail in trails)), dtype=np.int64)
    seconds = _absolute(_flat(trails, "time").astype(np.int64), sizes)[kept]
    combos = np.repeat(runs_[:, 0], runs_[:, 1])[kept]
    values = _flat(trails, "value")[kept].tolist()
    ends = np.cumsum(np.add.reduceat(kept.astype(np.int64), np.cumsum(sizes) - sizes))
    starts = np.concatenate(([0], ends[:-1]))
    steps = np.diff(seconds, prepend=0)
    steps[starts] = seconds[starts]
    bounds = list(zip(starts.tolist(), ends.tolist(), strict=True))
    all_steps, all_runs = steps.tolist(), _runs_of_each(combos, starts)
    times = _shared([all_steps[a:b] for a, b in bounds])
    return [
        Trail(count=trail.count, time=time, combo=rows, value=values[a:b])
        for trail, (a, b), time, rows in zip(trails, bounds, times, _shared(all_runs), strict=True)
    ]


def _shared(lists: Sequence[list[T]]) -> list[list[T]]:
    """Return `lists` with one list in place of equal ones: most streams of an app are fed the same turns."""
    known: dict[tuple[T, ...], list[T]] = {}
    return [known.setdefault(tuple(one), one) for one in lists]


def _flat(trails: Sequence[Trail], name: str) -> Floats:
    return np.asarray(list(chain.from_iterable(getattr(trail, name) for trail in trails)), dtype=np.float64)


def _absolute(steps: Ints, sizes: Ints) -> Ints:
    """Sums of `steps` from the start of each stretch on."""
    ends = np.cumsum(sizes)
    sums = np.cumsum(steps)
    before = sums[ends - sizes] - steps[ends - sizes]
    absolute: Ints = sums - np.repeat(before, sizes)
    return absolute


def _runs_of_each(numbers: Ints, starts: Ints) -> list[list[tuple[int, int]]]:
    """The runs of each stretch of `numbers`."""
    changes = np.diff(numbers, prepend=numbers[:1] - 1) != 0
    changes[starts] = True
    edges = np.flatnonzero(changes)
    pairs = list(zip(numbers[edges].tolist(), np.diff(np.append(edges, len(numbers))).tolist(), strict=True))
    bounds = [*np.searchsorted(edges, starts).tolist(), len(pairs)]
    return [pairs[a:b] for a, b in pairwise(bounds)]


@lru_cache(maxsize=1_000)
def _still_kept(before: int, count: int) -> NDArray[np.bool_]:
    """Which positions of a trail of `before` outputs, followed by those up to `count`, one of `count` outputs keeps."""
    positions = np.concatenate((kept_positions(before), np.arange(before, count)))
    return _held(positions, count)


def spans(positions: Ints) -> Ints:
    """Return how many outputs each kept one stands for: those up to the next kept one."""
    return np.diff(positions, append=positions[-1:] + 1)
