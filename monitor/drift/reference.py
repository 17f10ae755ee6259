"""The reference of a stream: how outputs turn into bounded functions, and the band in which their means are no news.

A reference grows in stages (docs/decisions/0003): it is frozen while outputs are watched against it, takes them in at the
same time, and at the end of a stage without alarm is estimated again from all of them.
"""

from __future__ import annotations

import copy
import math
from typing import Final

import numpy as np

from monitor.drift.calendar import add, part_means, parts_of_week
from monitor.drift.kinds import COUNTS
from monitor.drift.points import Points
from monitor.drift.state import Reference, short
from monitor.stats.edetector import Band
from monitor.stats.intervals import bentkus, clopper_pearson
from monitor.stats.ranks import FUNCTIONS, Floats, mid_ranks, rank_functions

RANKS: Final = 200
"""Outputs whose order defines the ranks of a numeric metric."""

NUMERIC: Final = ("output_chars", "duration_ms", "output_tokens", "cost_usd")
RATES: Final = ("error", "rule:", "judge:", "missing:", "undecided:", "new:", "cut_off", "tool_error")

_BINARY: Final = (False, False, True, True, True, True, True)
"""Which rank functions are flags: their bands need no assumption; the others use their own variance."""


def build(metric: str, points: Points, zone: str) -> Reference:
    """Return the reference that `points` make: a rate where the name or the values say so, else numeric."""
    if is_rate(metric, points.outputs):
        reference = Reference(kind="rate", ranks=[], growing_total=[0.0], growing_squares=[0.0])
    else:
        step = math.ceil(len(points.outputs) / RANKS)
        ranks = [short(value) for value in np.sort(points.outputs)[step // 2 :: step]]
        zeros = [0.0] * len(FUNCTIONS)
        reference = Reference(kind="numeric", ranks=ranks, growing_total=zeros, growing_squares=zeros)
    grow(reference, points, zone)
    freeze(reference)
    return reference


def is_rate(metric: str, values: Floats) -> bool:
    """Tell whether a metric is a share of yes and no: by its name where that is known, by its values otherwise."""
    if metric in (*NUMERIC, *COUNTS):
        return False
    return metric.startswith(RATES) or bool(np.isin(values, (0.0, 1.0)).all())


def fits(reference: Reference, points: Points) -> bool:
    """Tell whether `points` are of the kind the reference was made for: a rate knows values from 0 to 1 only."""
    return reference.kind == "numeric" or bool(((points.outputs >= 0) & (points.outputs <= 1)).all())


def functions(reference: Reference, points: Points) -> Floats:
    """Return the watched functions, each in [0, 1]: one row a point, one column a function."""
    return points.mean(of_values(reference, points.outputs))


def of_values(reference: Reference, values: Floats) -> Floats:
    """Return the watched functions of single outputs."""
    if reference.kind == "rate":
        return values[:, None]
    return rank_functions(mid_ranks(np.asarray(reference.ranks), values))


def grow(reference: Reference, points: Points, zone: str) -> None:
    """Take `points` into the growing part, each at its part of the week in `zone`."""
    watched = functions(reference, points)
    reference.growing_n += len(points)
    reference.growing_total = (np.asarray(reference.growing_total) + watched.sum(axis=0)).tolist()
    reference.growing_squares = (np.asarray(reference.growing_squares) + np.square(watched).sum(axis=0)).tolist()
    add(reference.growing_week, parts_of_week(points.time, zone), watched)
    for combo, n in zip(*np.unique(points.combo, return_counts=True), strict=True):
        reference.composition[int(combo)] = reference.composition.get(int(combo), 0) + int(n)


def freeze(reference: Reference) -> None:
    """End a stage: what has grown is the reference from now on."""
    reference.n = reference.growing_n
    reference.total = [short(value) for value in reference.growing_total]
    reference.squares = [short(value) for value in reference.growing_squares]
    reference.week = copy.copy(reference.growing_week)  # whose lists are replaced as it grows, never changed


def means(reference: Reference) -> Floats:
    """Return the mean of each function over the reference."""
    return np.clip(np.asarray(reference.total) / reference.n, 0.0, 1.0)


def band(reference: Reference, z: float, floor: float) -> Band:
    """Return the reference means, plus or minus their error at `z` standard errors, plus or minus the `floor`.

    Of flags the error is exact (docs/decisions/0174): both sides together miss with probability exp(-z * z / 2) at most.
    """
    centre = means(reference)
    flags = (True,) if reference.kind == "rate" else _BINARY
    sums = zip(centre, variance(reference), flags, yes_or_no(reference), strict=True)
    low, high = np.asarray([_error_bounds(m, v, reference.n, z, flag=f, coin=c) for m, v, f, c in sums]).T
    return Band(np.clip(low - floor, 0.0, 1.0), np.clip(high + floor, 0.0, 1.0))


def band_of_week(reference: Reference, whole: Band, floor: float) -> Band:
    """Return the band at each part of the week (parts x functions), from that of the `whole` week.

    A part is as uncertain as the whole, in proportion to how much its outputs vary, and by its own standard error besides.
    """
    centre, error = part_means(reference.week, variance(reference))
    middle = means(reference)
    spread = np.sqrt(np.maximum(centre * (1 - centre), 1e-4) / np.maximum(middle * (1 - middle), 1e-4))
    low = centre - floor - (middle - floor - whole.low).clip(0) * spread - error
    high = centre + floor + (whole.high - middle - floor).clip(0) * spread + error
    return Band(np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0))


def variance(reference: Reference) -> Floats:
    """Return the variance of each function over the reference."""
    left: Floats = np.maximum(np.asarray(reference.squares) / reference.n - np.square(means(reference)), 0.0)
    return left


def yes_or_no(reference: Reference) -> list[bool]:
    """Tell of each function whether it was 0 or 1 at each point: users of one hour are one point, which may be a share."""
    return [total == squares for total, squares in zip(reference.total, reference.squares, strict=True)]


def _error_bounds(mean: float, variance: float, n: int, z: float, *, flag: bool, coin: bool) -> tuple[float, float]:
    if flag:
        bounds = clopper_pearson if coin else bentkus
        return bounds(mean * n, n, 1 - math.exp(-z * z / 2))
    error = z * math.sqrt(variance / n)
    return mean - error, mean + error


SMALL: Final = 10
"""A count below this says more by its mean than by its median, which only whole steps can move."""


def is_count(reference: Reference) -> bool:
    """Tell whether a numeric metric counts something of which there are few."""
    ranks = np.asarray(reference.ranks)
    return reference.kind == "numeric" and bool((ranks == np.round(ranks)).all() and np.median(ranks) < SMALL)


def level(reference: Reference, values: Floats) -> float:
    """Return what a reader knows such values by: the rate, the mean of a small count, or the median in its own unit."""
    by_mean = reference.kind == "rate" or is_count(reference)
    return float(values.mean() if by_mean else np.median(values))


def natural_value(reference: Reference) -> float:
    """Return what a reader knows the metric by in the reference."""
    return float(means(reference)[0]) if reference.kind == "rate" else level(reference, np.asarray(reference.ranks))
