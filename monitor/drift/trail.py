"""The trail: recent outputs of a stream, so that an alarm can say since when, from what to what, and what else changed then.

Recent outputs are all kept, older ones ever more sparsely, so that a start d outputs ago is known to about d / 28 outputs in
constant memory. Which positions are kept depends on the age alone and is nested, hence need not be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from monitor.drift.points import Ints, Points, single
from monitor.drift.state import Trail, shorts

_PER_LEVEL: Final = 28
_SECOND_MS: Final = 1000
_LEVELS: Final = 7
"""Reaches back 28 * (2 ** 8 - 1) = 7,140 outputs with at most 224 of them."""


def kept_positions(count: int) -> Ints:
    """Return the positions that a trail of `count` outputs still holds."""
    first = max(0, count - _PER_LEVEL * (2 ** (_LEVELS + 1) - 1))
    positions = np.arange(first, count)
    levels = np.floor(np.log2((count - 1 - positions) / _PER_LEVEL + 1)).astype(np.int64)
    kept: Ints = positions[positions % (1 << levels) == 0]
    return kept


def read_trail(trail: Trail) -> tuple[Points, Ints]:
    """Return the points of a trail and their positions."""
    return single(np.cumsum(trail.time) * _SECOND_MS, trail.value, unrolled(trail.combo)), kept_positions(trail.count)


def write_trail(points: Points, positions: Ints, count: int) -> Trail:
    """Return the trail of `points` at `positions`, thinned to what a trail of `count` outputs keeps."""
    keep = np.isin(positions, kept_positions(count))
    return Trail(
        count=count,
        time=np.diff(points.time[keep] // _SECOND_MS, prepend=0).tolist(),
        combo=runs(points.combo[keep]),
        value=shorts(points.value[keep]),
    )


def runs(numbers: Ints) -> list[tuple[int, int]]:
    """Return `numbers` as (number, how often in a row)."""
    edges = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
    lengths = np.diff(np.append(edges, len(numbers)))
    return list(zip(numbers[edges].tolist(), lengths.tolist(), strict=True))


def unrolled(pairs: Sequence[tuple[int, int]]) -> Ints:
    """Return the numbers that `runs` was given."""
    return np.repeat(np.asarray([c for c, _ in pairs], dtype=np.int64), [n for _, n in pairs])


def extend(trail: Trail, points: Points) -> tuple[Points, Ints]:
    """Return the points of `trail` followed by `points`, all of them, with positions."""
    old, positions = read_trail(trail)
    fresh = np.arange(trail.count, trail.count + len(points))
    return old.then(points), np.concatenate((positions, fresh))


def spans(positions: Ints) -> Ints:
    """Return how many outputs each kept one stands for: those up to the next kept one."""
    return np.diff(positions, append=positions[-1:] + 1)
