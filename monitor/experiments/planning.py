"""How long an experiment will take, before it starts: from what users of the app did over the last four weeks.

Users are counted as an experiment would count them: whoever comes in its first days is in it, and what they do until then makes
their part of the metric. The interval is the one that the readout uses, so that looking every day is paid for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from monitor.stats.confidence_sequence import RatioMean, half_width, ratio_mean

DAYS: Final = 28
"""Days of history that are looked at."""

FURTHEST: Final = 366
"""Days beyond which nobody should wait."""

LEAST: Final = 60
"""Users in those days without whom nothing can be said."""

POWER_Z: Final = 0.8416
"""Eight times out of ten."""


@dataclass(frozen=True)
class Plan:
    """`days` is None where a year is not enough; `users` in all arms together until then, `value` is how the metric is now."""

    days: int | None
    users: int
    users_a_day: float
    value: float


@dataclass(frozen=True)
class Design:
    """What is planned: the difference to be told, how many arms, which part of the traffic, and how many comparisons share the error."""

    smallest: float
    alpha: float
    arms: int = 2
    share: float = 1.0
    comparisons: int = 1


def plan(days: pl.DataFrame, design: Design) -> Plan | None:
    """Return how long `design` takes; None where too few users are known.

    `days`: unit, day (0 is the first of the history), n, total; one row a unit and day.
    """
    whole = _until(days, DAYS)
    if whole is None or whole.users < LEAST:
        return None
    last = whole
    for day in range(1, DAYS + 1):
        last = _until(days, day) or last
        if last.users >= LEAST and _told(last.users, last.unit_variance, design):
            return _plan(day, last.users, whole, design)
    a_day = _later_pace(days, whole.users)
    for day in range(DAYS + 1, FURTHEST + 1):
        users = whole.users + a_day * (day - DAYS)
        if _told(users, whole.unit_variance, design):
            return _plan(day, users, whole, design)
    return _plan(None, whole.users + a_day * (FURTHEST - DAYS), whole, design)


def _plan(day: int | None, users: float, whole: RatioMean, design: Design) -> Plan:
    shared = design.share * users
    return Plan(day, round(shared), shared / (day or FURTHEST), whole.value)


def _until(days: pl.DataFrame, day: int) -> RatioMean | None:
    sums = days.filter(pl.col("day") < day).group_by("unit").agg(pl.col("n").sum(), pl.col("total").sum())
    return None if sums.is_empty() else ratio_mean(sums["n"].to_numpy(), sums["total"].to_numpy())


def _later_pace(days: pl.DataFrame, users: int) -> float:
    """New users a day in the second half of the history: most of the first days' users come back."""
    before = days.filter(pl.col("day") < DAYS // 2)["unit"].n_unique()
    return (users - before) / (DAYS - DAYS // 2)


def _told(users: float, variance: float, design: Design) -> bool:
    """Tell whether so many users tell the difference eight times out of ten, in an arm beside its control."""
    each = users * design.share / design.arms
    squared_error = 2 * variance / each
    half = half_width(2 * each, 2 * each * squared_error, design.alpha / max(1, design.comparisons))
    return bool(half + POWER_Z * squared_error**0.5 <= design.smallest)
