"""The composition rows of a stream: what combinations of segments its outputs came in, numbered, and few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.drift.points import Points
from monitor.drift.state import COMBOS, Combo, Stream
from monitor.drift.trail import thinned


def in_stream_numbers(stream: Stream, points: Points, combos: Sequence[Combo]) -> Points:
    """Return `points` with their rows of `combos` as numbers of the stream, which learns those it did not know."""
    stream.combos, own = numbered(stream.combos, points.combo.tolist(), combos)
    return Points(points.time, points.value, np.asarray(own, dtype=np.int64), points.outputs, points.starts)


def numbered(own: Sequence[Combo], seen: Sequence[int], combos: Sequence[Combo]) -> tuple[list[Combo], list[int]]:
    """Return the rows that a stream knows after it has `seen` these numbers of `combos`, and its own numbers for them."""
    known, numbers = [*own], {}
    for n in sorted(set(seen)):
        if combos[n] not in known:
            known.append(combos[n])
        numbers[n] = known.index(combos[n])  # they are few
    return known, [numbers[n] for n in seen]


def compact(stream: Stream) -> None:
    """Forget the composition rows that matter least: not seen lately, and rare in the reference."""
    if len(stream.combos) <= COMBOS:
        return
    if stream.trail.loose:
        [stream.trail] = thinned([stream.trail])
    recent = [number for number, _ in reversed([*stream.warm.combo, *stream.trail.combo]) if number >= 0]
    counts = stream.reference.composition if stream.reference else {}
    frequent = sorted((n for n in counts if n >= 0), key=lambda n: -counts[n])
    kept = list(dict.fromkeys([*recent[: COMBOS // 2], *frequent, *recent]))[:COMBOS]
    renumber = {old: new for new, old in enumerate(kept)}
    stream.combos = [stream.combos[old] for old in kept]
    stream.warm.combo = [(renumber.get(old, -1), n) for old, n in stream.warm.combo]
    stream.trail.combo = [(renumber.get(old, -1), n) for old, n in stream.trail.combo]
    if stream.reference:
        merged: dict[int, int] = {}
        for old, n in stream.reference.composition.items():
            merged[renumber.get(old, -1)] = merged.get(renumber.get(old, -1), 0) + n
        stream.reference.composition = merged
