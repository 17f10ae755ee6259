"""Outputs of one stream as arrays: one point a user and hour, with the single outputs behind it.

Feeding every request of a chatty user as if it were a new witness breaks the guarantee of the detector; so outputs of one
user (or session) within an hour of a batch are one value, the mean over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.stats.ranks import Floats

Ints = NDArray[np.int64]

DAY_MS: Final = 86_400_000


def instant(milliseconds: int) -> datetime:
    """Return the time of an output."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def day_words(milliseconds: int) -> str:
    """Return its day as people write it.

    >>> day_words(20 * DAY_MS)
    '1970-01-21'
    """
    return f"{instant(milliseconds):%Y-%m-%d}"


class Points(msgspec.Struct, frozen=True):
    """Parallel arrays, in order of time. `starts` is where the outputs of each point begin in `outputs`.

    `time` in milliseconds; `value` one output as it was; `combo` the number of its composition row.
    """

    time: Ints
    value: Floats
    combo: Ints
    outputs: Floats
    starts: Ints

    def __len__(self) -> int:
        return len(self.time)

    def mean(self, of_outputs: Floats) -> Floats:
        """Return per point the mean over its outputs of something known per output (one column a function)."""
        if len(of_outputs) == len(self):
            return of_outputs
        counts = np.diff(np.append(self.starts, len(self.outputs)))
        sums: Floats = np.add.reduceat(of_outputs, self.starts, axis=0)
        return sums / counts.reshape(-1, *([1] * (of_outputs.ndim - 1)))

    def scored(self, value: Floats) -> Points:
        """Return the same points, of one output each, with other values."""
        return single(self.time, value, self.combo)

    def cut(self, start: int, stop: int | None = None) -> Points:
        """Return the points from `start` up to, not including, `stop`."""
        stop = len(self) if stop is None else min(stop, len(self))
        bounds = np.append(self.starts, len(self.outputs))
        first, last = int(bounds[start]), int(bounds[stop])
        part = slice(start, stop)
        return Points(
            self.time[part], self.value[part], self.combo[part], self.outputs[first:last], self.starts[part] - first
        )

    def only(self, chosen: NDArray[np.bool_]) -> Points:
        """Return the points where `chosen` is true."""
        sizes = np.diff(np.append(self.starts, len(self.outputs)))
        starts = np.concatenate(([0], np.cumsum(sizes[chosen])[:-1]))[: int(chosen.sum())].astype(np.int64)
        outputs = self.outputs[np.repeat(chosen, sizes)]
        return Points(self.time[chosen], self.value[chosen], self.combo[chosen], outputs, starts)

    def then(self, other: Points) -> Points:
        """Return these points followed by `other`."""
        mine = (self.time, self.value, self.combo, self.outputs, self.starts)
        others = (other.time, other.value, other.combo, other.outputs, other.starts + len(self.outputs))
        return Points(*(np.concatenate(pair) for pair in zip(mine, others, strict=True)))


def single(time: Any, value: Any, combo: Any) -> Points:
    """Return points of one output each."""
    values = np.asarray(value, dtype=np.float64)
    return Points(
        np.asarray(time, dtype=np.int64), values, np.asarray(combo, dtype=np.int64), values, np.arange(len(values))
    )


NOTHING = single([], [], [])


@dataclass(frozen=True)
class Grouping:
    """How turns become points: `outputs` are rows, group by group, `head` the first row of each, `starts` where its outputs begin.

    The same for every metric that is known of the same turns.
    """

    time: Ints
    combo: Ints
    head: Ints
    outputs: Ints
    starts: Ints

    def points(self, value: Floats) -> Points:
        """Return one point a group; `value` is that of every row of the batch."""
        return Points(self.time, value[self.head], self.combo, value[self.outputs], self.starts)


def grouping(time: Ints, combo: Ints, group: Ints, rows: Ints) -> Grouping:
    """Return one group per number in `group`, of some `rows` in order of time.

    A point carries time, value and composition of the first output of its group.
    """
    order = np.argsort(group[rows], kind="stable")
    sorted_group = group[rows][order]
    first = np.flatnonzero(np.diff(sorted_group, prepend=sorted_group[:1] - 1))
    if len(first) == len(rows):
        return Grouping(time[rows], combo[rows], rows, rows, np.arange(len(rows)))
    # Groups in order of their first output, which is the smallest index in each, since the sort is stable.
    sequence = np.argsort(order[first], kind="stable")
    sizes = np.diff(np.append(first, len(rows)))[sequence]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    inner = np.arange(len(rows)) - np.repeat(starts, sizes)
    outputs = rows[order[np.repeat(first[sequence], sizes) + inner]]
    head = rows[order[first][sequence]]
    return Grouping(time[head], combo[head], head, outputs, starts.astype(np.int64))
