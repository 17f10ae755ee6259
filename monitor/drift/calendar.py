"""The week of a stream: what its mean is at each part of a week, so that like is compared with like.

A week has 56 parts: seven days of eight blocks of three hours. Most are thin, so a part is not estimated by itself: it is the
mean of the week, plus what its kind of day (Monday to Friday, Saturday and Sunday), its day and its block of hours add, each
shrunk by how much of it may be chance (empirical Bayes): traffic that knows no week is compared with one mean. A part whose kind of day or block of hours was never seen has no reference:
evidence waits there ("no weekend seen yet"). Weeks are those of one time zone, daylight saving included.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from monitor.drift.points import Ints
from monitor.stats.ranks import Floats

DAYS: Final = 7
BLOCKS: Final = 8
KINDS: Final = 2
PARTS: Final = DAYS * BLOCKS
NO_WEEK: Final = "none"
"""The time zone of traffic that knows no week: batch jobs, offline evaluations."""

SEEN: Final = 40
"""Outputs of a kind of day, and a fifth of its blocks' even share of them, before there is a reference for it."""

ENOUGH: Final = 30
"""Outputs of a day, or of a block of hours, before they say how it differs."""

_HOUR_MS: Final = 3_600_000
_EPOCH_DAY: Final = 3  # 1 January 1970 was a Thursday, Monday is 0

KIND_OF_DAY: Final[Ints] = np.array([0, 0, 0, 0, 0, 1, 1])
_DAY: Final[Ints] = np.repeat(np.arange(DAYS), BLOCKS)
_CELL: Final[Ints] = KIND_OF_DAY[_DAY] * BLOCKS + np.tile(np.arange(BLOCKS), DAYS)


class Calendar(msgspec.Struct, kw_only=True):
    """How many outputs fell on each day, and on each block of hours of each kind of day; sums of each function over them."""

    n_day: list[int] = msgspec.field(default_factory=lambda: [0] * DAYS)
    n_cell: list[int] = msgspec.field(default_factory=lambda: [0] * (KINDS * BLOCKS))
    day: list[list[float]] = []
    cell: list[list[float]] = []


def parts_of_week(time: Ints, zone: str) -> Ints:
    """Return the part of the week (0 to 55) of each instant, in milliseconds since 1970, as clocks in `zone` show it."""
    if zone == NO_WEEK:
        return np.zeros(len(time), dtype=np.int64)
    if zone == "UTC":
        return _parts(time // _HOUR_MS)
    hours, place = np.unique(time // _HOUR_MS, return_inverse=True)
    offsets = [_offset_h(zone, hour) for hour in hours.tolist()]
    return _parts(hours + np.asarray(offsets, dtype=np.int64))[place]


def _parts(hours: Ints) -> Ints:
    """The part of the week of each hour since 1970, by the clock."""
    parts: Ints = (hours // 24 + _EPOCH_DAY) % DAYS * BLOCKS + hours % 24 * BLOCKS // 24
    return parts


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _offset_h(zone: str, hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(_zone(zone)).utcoffset()
    return int(offset.total_seconds() // 3600) if offset else 0


def add(calendar: Calendar, parts: Ints, watched: Floats) -> None:
    """Count outputs of these parts of the week with these functions (outputs x functions)."""
    for name, index, size in (("day", _DAY[parts], DAYS), ("cell", _CELL[parts], KINDS * BLOCKS)):
        counts = np.bincount(index, minlength=size)
        setattr(calendar, f"n_{name}", (np.asarray(getattr(calendar, f"n_{name}")) + counts).tolist())
        sums = np.stack([np.bincount(index, weights=column, minlength=size) for column in watched.T])
        known = getattr(calendar, name)
        setattr(calendar, name, [[round(v, 1) for v in row] for row in (sums + known if known else sums).tolist()])


def add_all(calendars: Sequence[Calendar], parts: Ints, watched: Floats, whose: Ints) -> list[Calendar]:
    """Return many calendars, each with its outputs (`whose` says which, in order): what `add` makes of each."""
    columns: list[Sequence[Any]] = []
    for name, place, size in (("day", _DAY[parts], DAYS), ("cell", _CELL[parts], KINDS * BLOCKS)):
        at, all_ = whose * size + place, size * len(calendars)
        counts = np.bincount(at, minlength=all_).reshape(-1, size)
        counts += np.asarray([getattr(calendar, f"n_{name}") for calendar in calendars])
        fresh = np.stack([np.bincount(at, weights=column, minlength=all_) for column in watched.T])
        by_calendar = fresh.reshape(-1, len(calendars), size).transpose(1, 0, 2)
        sums = tenths(by_calendar + np.asarray([getattr(calendar, name) for calendar in calendars]))
        columns += [counts.tolist(), sums.tolist()]
    rows = zip(*columns, strict=True)
    return [Calendar(n_day=n_day, n_cell=n_cell, day=day, cell=cell) for n_day, day, n_cell, cell in rows]


def tenths(values: Floats) -> Floats:
    """Return `values` rounded to tenths as `round(value, 1)` does it, which knows what lies next to a half of one."""
    scaled = 10 * values
    rounded: Floats = np.rint(scaled) / 10
    doubtful = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6 * np.maximum(1.0, np.abs(scaled))
    if doubtful.any():
        rounded[doubtful] = [round(value, 1) for value in values[doubtful].tolist()]
    return rounded


def seen(calendar: Calendar, *, week: bool) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each part of the week whether there is a reference for it; all of them where there is no week."""
    if not week:
        return np.ones(PARTS, dtype=bool)
    cells = np.asarray(calendar.n_cell)
    kinds = cells.reshape(KINDS, BLOCKS).sum(axis=1)
    known = (kinds >= SEEN)[KIND_OF_DAY[_DAY]] & (cells > 0)[_CELL]
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = known
    return result


def part_means(calendar: Calendar, variance: Floats) -> tuple[Floats, Floats]:
    """Return the mean of each function at each part of the week, and its standard error (both parts x functions).

    `variance` is that of one output, per function.
    """
    n_day, n_cell = np.asarray(calendar.n_day, dtype=float), np.asarray(calendar.n_cell, dtype=float)
    day, cell = np.asarray(calendar.day).T, np.asarray(calendar.cell).T
    means, errors = np.zeros((PARTS, day.shape[1])), np.ones((PARTS, day.shape[1]))
    kinds = [np.flatnonzero(kind == KIND_OF_DAY) for kind in range(KINDS)]
    n_kind, totals = (np.asarray([of[days].sum(axis=0) for days in kinds]) for of in (n_day, day))
    whole = totals.sum(axis=0) / max(1.0, n_kind.sum())
    by_kind, kind_error = _effects(n_kind, totals, whole, variance)
    for kind in range(KINDS):
        days, cells = kinds[kind], np.arange(kind * BLOCKS, (kind + 1) * BLOCKS)
        here = np.flatnonzero(KIND_OF_DAY[_DAY] == kind)
        if not n_kind[kind]:
            continue
        centre = totals[kind] / n_kind[kind]
        by_day, day_error = _effects(n_day[days], day[days], centre, variance)
        by_cell, cell_error = _effects(n_cell[cells], cell[cells], centre, variance)
        means[here] = whole + by_kind[kind] + by_day[_DAY[here] - days[0]] + by_cell[_CELL[here] - cells[0]]
        left = day_error[_DAY[here] - days[0]] + cell_error[_CELL[here] - cells[0]]
        errors[here] = np.sqrt(kind_error[kind] + left)
    return np.clip(means, 0.0, 1.0), errors


def _effects(n: Floats, totals: Floats, centre: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """What each group adds to the centre, shrunk, and the squared error that is left in it (both groups x functions).

    How much groups really differ is the moment estimator of DerSimonian and Laird; a group of few outputs is shrunk more. One of
    next to none adds nothing, and is as uncertain as groups differ: three outputs of a day that has just begun say nothing of it.
    """
    known = (n >= ENOUGH)[:, None]
    size = np.maximum(n, 1e-9)[:, None]
    raw = np.where(known, totals / size - centre, 0.0)
    told = np.where(known, n[:, None], 0.0)
    freedom = max(0, int(known.sum()) - 1)
    excess = (told * np.square(raw)).sum(axis=0) - freedom * variance
    spread = told.sum() - np.square(told).sum() / max(1.0, told.sum())
    between = np.maximum(excess, 0.0) / max(1.0, spread) * (freedom > 0)
    share = np.where(known, between / np.maximum(between + variance / size, 1e-12), 0.0)
    return share * raw, np.where(known, share * variance / size, between)
