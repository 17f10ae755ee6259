"""What a replay has counted of the answers of each app under each rule, by bucket of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from monitor.counted import Counted, joined
from monitor.estimates import EPOCH

NOTHING: Final[tuple[datetime, datetime, list[Counted]]] = (EPOCH, EPOCH, [])
"""The answer to no question."""


@dataclass
class Tally:
    """Answers by app and rule, in the order of their buckets (naive UTC)."""

    _kept: dict[tuple[str, str], Counted] = field(default_factory=dict)
    _asked: tuple[datetime, datetime, list[Counted]] = NOTHING  # the last answer: whole days are asked for all day

    def add(self, fresh: Iterable[Counted]) -> None:
        """Take in answers of buckets that come after those that are known. Raises `ValueError` for those that come before."""
        for one in fresh:
            known = self._kept.get(one.stream)
            if known and one.buckets[0] < known.buckets[-1]:
                raise ValueError(f"{one.stream}: answers of {one.bucket(0)} after those of {known.bucket(-1)}")
            self._kept[one.stream] = joined([known, one]) if known else one
        self._asked = NOTHING

    def keep(self, start: datetime, end: datetime) -> None:
        """Let go of all buckets but those with start <= bucket < end."""
        self._kept = {one.stream: one for one in self.between(start, end)}
        self._asked = NOTHING

    def between(self, start: datetime, end: datetime) -> list[Counted]:
        """Return the answers of start <= bucket < end; a stream without any is not there."""
        if self._asked[:2] != (start, end):
            bounds = np.asarray([start, end], dtype="datetime64[us]")
            parts = (one.within(bounds) for one in self._kept.values())
            self._asked = start, end, [part for part in parts if len(part.n)]
        return self._asked[2]


def by_stream(parts: Sequence[Sequence[Counted]]) -> list[Counted]:
    """Return all of `parts`, which are in the order of time, as one a stream, in the order of apps and rules."""
    found: dict[tuple[str, str], list[Counted]] = {}
    for one in (one for part in parts for one in part):
        found.setdefault(one.stream, []).append(one)
    return [joined(found[stream]) for stream in sorted(found)]
