"""The bands of a reference at each part of the week, kept: they are looked at with every batch, and move a few times in their life."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.drift.calendar import NO_WEEK, Calendar, part_means, parts_of_week, seen
from monitor.drift.points import Ints
from monitor.drift.reference import band, band_of_week, means, variance
from monitor.drift.state import Reference
from monitor.stats.edetector import Band
from monitor.stats.ranks import Floats

WEEKS: Final = 2_000
"""References whose bands are kept."""

LATELY: Final = 500
"""And those that are known by being the very same object."""

NEARER: Final = 4
"""By how much a band is narrower where it only tells a start."""

_Frozen = tuple[Literal["rate", "numeric"], int, list[float], list[float], Calendar]


@dataclass(frozen=True)
class Week:
    """The band at each part of the week (parts x functions) around its centre, and which parts have a reference at all."""

    low: Floats
    high: Floats
    centre: Floats
    seen: NDArray[np.bool_]
    zone: str

    def parts(self, time: Ints) -> Ints:
        """Return the part of the week of each output."""
        return parts_of_week(time, self.zone)

    def of(self, time: Ints) -> tuple[Ints, Band]:
        """Return the outputs that may be judged, as positions, and the band of each (outputs x functions)."""
        parts = self.parts(time)
        rows = np.flatnonzero(self.seen[parts])
        return rows, Band(self.low[parts[rows]], self.high[parts[rows]])

    def near(self, time: Ints) -> tuple[Ints, Band]:
        """Return the same with a band that is a quarter as wide, or about one standard error of its centre.

        Where a change began is an estimate, no test: what is as good as usual must not count for a change that came later.
        """
        rows, wide = self.of(time)
        centre = self.centre[self.parts(time)[rows]]
        return rows, Band(centre - (centre - wide.low) / NEARER, centre + (wide.high - centre) / NEARER)


class _Known(NamedTuple):
    """What of a reference does not move between two stages, what was asked of it, and its bands."""

    total: list[float]
    squares: list[float]
    week: Calendar
    manner: tuple[str, int, float, float, str]
    bands: Week


_KNOWN: Final[dict[int, _Known]] = {}


def week_of(reference: Reference, z: float, floor: float, zone: str) -> Week:
    """Return the bands of `reference`; they are kept, by what of it does not move between two stages.

    A stream that lives on comes with the very same lists again, which are replaced when a stage ends and never changed: their contents
    need not be looked at.
    """
    total, squares, week, manner = (
        reference.total,
        reference.squares,
        reference.week,
        (reference.kind, reference.n, z, floor, zone),
    )
    known = _KNOWN.get(id(week))
    if known and known.total is total and known.squares is squares and known.week is week and known.manner == manner:
        return known.bands
    if len(_KNOWN) >= LATELY:
        _KNOWN.clear()
    _KNOWN[id(week)] = _Known(total, squares, week, manner, _week_of(reference, z, floor, zone))
    return _KNOWN[id(week)].bands


def _week_of(reference: Reference, z: float, floor: float, zone: str) -> Week:
    frozen = reference.kind, reference.n, reference.total, reference.squares, reference.week
    return _week(msgspec.json.encode(frozen), z, floor, zone)


@lru_cache(maxsize=WEEKS)
def _week(frozen: bytes, z: float, floor: float, zone: str) -> Week:
    """Return the bands of a reference of which this is what does not move between two stages."""
    kind, n, total, squares, week = msgspec.json.decode(frozen, type=_Frozen)
    reference = Reference(
        kind=kind, ranks=[], growing_total=[], growing_squares=[], n=n, total=total, squares=squares, week=week
    )
    whole = band(reference, z, floor)
    has_week = zone != NO_WEEK
    parts = (
        band_of_week(reference, whole, floor) if has_week else Band(*(side[None] for side in (whole.low, whole.high)))
    )
    centre = part_means(week, variance(reference))[0] if has_week else means(reference)[None]
    return Week(parts.low, parts.high, centre.clip(parts.low, parts.high), seen(week, week=has_week), zone)
