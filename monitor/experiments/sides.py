"""The two sides of a comparison: an arm and its control on one metric, with what their users did before taken out where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from monitor.experiments.sums import PAST
from monitor.measures import SHARE, measure
from monitor.stats.confidence_sequence import Difference, RatioMean, ratio_mean
from monitor.stats.cuped import Sums, adjusted
from monitor.wording import percent

Bounds = tuple[float, float] | None
SHARES: Final = ("rule:", "error")
"""Metrics that are shares of turns: they are told in percent, and differences of them in points."""


@dataclass(frozen=True)
class Sides:
    """Control and arm, ready to be compared; `remark` says what was taken out of them, or nothing."""

    control: RatioMean
    arm: RatioMean
    remark: str


def with_zeros(units: pl.DataFrame) -> pl.DataFrame:
    """Return units with a past of nothing where none was looked up."""
    absent = [name for name in PAST if name not in units.columns]
    return units.with_columns(pl.lit(0).alias(name) for name in absent).with_columns(pl.col(*PAST).fill_null(0))


def sums_of(cell: pl.DataFrame | None) -> Sums | None:
    """Return the sums of the users of an arm in a metric (a row each); None where it has none."""
    if cell is None:
        return None
    return Sums(*(cell[name].cast(pl.Float64).to_numpy() for name in ("n", "total", *PAST)))


def sides_of(control: Sums, arm: Sums, bounds: Bounds) -> Sides:
    """Return both sides, by the past of their users where enough have one and the numbers stay possible ones."""
    bare = ratio_mean(control.n, control.total), ratio_mean(arm.n, arm.total)
    fair = adjusted(control, arm)
    if fair is None or not all(_possible(mean.value, bounds) for mean in fair):
        return Sides(*bare, "")
    left = _squared_error(*fair) / max(_squared_error(*bare), 1e-300)
    known, users = control.known + arm.known, len(control.n) + len(arm.n)
    remark = f"; what users did before is taken out (known of {known} of {users}), which leaves {percent(left)} of the variance"
    return Sides(*fair, remark)


def told(sides: Sides, found: Difference, measured: tuple[str, str], names: tuple[str, str]) -> str:
    """Return what was found between the sides: their values, the difference, how sure and by how many users.

    `measured`: a metric and what it is called; `names`: arm, control.
    """
    (metric, name), (arm, control) = measured, names
    low, high = found.interval
    usual = _unit(metric)
    scale, unit, points = (100, " %", " points") if metric.startswith(SHARES) else (1, usual, usual)
    return (
        f"{name[:1].upper()}{name[1:]} is {scale * sides.arm.value:.4g}{unit} in {arm} and {scale * sides.control.value:.4g}{unit} in {control}: "
        f"{scale * found.effect:+.4g}{points} ({scale * low:+.4g} to {scale * high:+.4g}, anytime-valid, clustered by user, "
        f"{sides.arm.users} and {sides.control.users} users)"
    )


def _unit(metric: str) -> str:
    """What stands behind a value, and behind a difference."""
    unit = measure(metric).unit
    return f" {unit}" if unit and unit != SHARE else ""


def _possible(value: float, bounds: Bounds) -> bool:
    return bounds is None or bounds[0] < value < bounds[1]


def _squared_error(control: RatioMean, arm: RatioMean) -> float:
    return control.unit_variance / control.users + arm.unit_variance / arm.users
