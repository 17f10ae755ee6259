"""Read every experiment: each arm against control on each metric, by user, valid however often one looks.

The sample ratio comes first: a readout of an experiment whose arms did not get the users they were meant to get is blocked,
because any difference may then be one of who came and not of what they got.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import polars as pl

from monitor.config.schema import ExperimentSettings
from monitor.experiments.units import Assignment, assign
from monitor.model.values import Comparison
from monitor.stats.confidence_sequence import Difference, RatioMean, compare_ratios, ratio_mean, users_to_halve

LOWER_IS_BETTER: Final = ("rule:", "error", "duration_ms", "cost_usd")
HIGHER_IS_BETTER: Final = ("score:",)

Decision = Literal["better", "worse", "differs", "undecided", "blocked"]


@dataclass(frozen=True)
class Reading:
    """One experiment as it is read at `now`: its clean rows, who is in it, and the error that each comparison may spend."""

    experiment: str
    rows: pl.DataFrame
    assignment: Assignment
    control: str
    alpha: float
    comparisons: int
    settings: ExperimentSettings
    now: datetime


def compare_arms(units: pl.DataFrame, settings: ExperimentSettings, now: datetime) -> list[Comparison]:
    """Return a comparison per experiment, metric and arm other than control.

    `units`: experiment, arm, metric, unit, n, total; one row a user, arm and metric with the count and the sum of the values
    known so far. The error `alpha` of an experiment is split over its metrics and arms, so that all its intervals hold at
    once and at all times. Not for arms that were switched on one after the other: compare what ran side by side.
    """
    known = units.drop_nulls().filter((pl.col("n") > 0) & pl.col("total").is_finite())
    read = known.filter(~pl.col("experiment").is_in(settings.ignore) & ~pl.col("metric").is_in(settings.ignore))
    groups = read.sort("experiment", "metric", "arm", "unit").partition_by("experiment", maintain_order=True)
    return [comparison for rows in groups for comparison in _read(rows, settings, now)]


def _read(rows: pl.DataFrame, settings: ExperimentSettings, now: datetime) -> Iterator[Comparison]:
    experiment = rows["experiment"][0]
    kept, assignment = assign(rows, settings.split.get(experiment))
    arms = list(assignment.users)
    control = settings.control.get(experiment, arms[0])
    metrics = rows["metric"].unique(maintain_order=True).to_list()
    others = [arm for arm in arms if arm != control]
    looks = len(metrics) * len(others)
    reading = Reading(experiment, kept, assignment, control, settings.alpha / max(1, looks), looks, settings, now)
    for metric in metrics:
        for arm in others:
            yield _compare(reading, metric, arm)


def _compare(reading: Reading, metric: str, arm: str) -> Comparison:
    base, treated = (_arm_mean(reading.rows, metric, name) for name in (reading.control, arm))
    n_control, n_arm = base.users if base else 0, treated.users if treated else 0
    least = reading.settings.min_users
    if reading.assignment.blocked:
        return _comparison(reading, metric, arm, (n_control, n_arm), None, "blocked", reading.assignment.blocked)
    if base is None or treated is None or min(n_control, n_arm) < least:
        reason = f"not enough users: {n_control} in {reading.control}, {n_arm} in {arm}, {least} needed in each"
        return _comparison(reading, metric, arm, (n_control, n_arm), None, "undecided", reason)
    found = compare_ratios(base, treated, reading.alpha)
    if found.standard_error <= 0:  # an interval without width would claim to know what nothing was seen of
        reason = f"{metric} is {base.value:g} for every one of {n_control} and {n_arm} users: no variation, no interval"
        return _comparison(reading, metric, arm, (n_control, n_arm), None, "undecided", reason)
    reason = _reason(reading, metric, arm, found, (base, treated))
    return _comparison(reading, metric, arm, (n_control, n_arm), found, decide(metric, found), reason)


def _arm_mean(rows: pl.DataFrame, metric: str, arm: str) -> RatioMean | None:
    cell = rows.filter((pl.col("metric") == metric) & (pl.col("arm") == arm))
    return None if cell.is_empty() else ratio_mean(cell["n"].to_numpy(), cell["total"].to_numpy())


def decide(metric: str, found: Difference) -> Decision:
    """Return what may be said: nothing while the interval holds zero, and "differs" where no direction is the good one."""
    if found.interval.low <= 0 <= found.interval.high:
        return "undecided"
    if metric.startswith(HIGHER_IS_BETTER):
        return "better" if found.effect > 0 else "worse"
    if metric.startswith(LOWER_IS_BETTER):
        return "better" if found.effect < 0 else "worse"
    return "differs"


def _reason(reading: Reading, metric: str, arm: str, found: Difference, sides: tuple[RatioMean, RatioMean]) -> str:
    base, treated = sides
    more = users_to_halve(found, reading.alpha)
    return (
        f"{metric} is {treated.value:.4g} in {arm} and {base.value:.4g} in {reading.control}: {found.effect:+.4g} "
        f"({found.interval.low:+.4g} to {found.interval.high:+.4g}, anytime-valid, clustered by user, "
        f"{treated.users} and {base.users} users); {more} more users would halve the width; "
        f"error {reading.settings.alpha:g} shared by {reading.comparisons} comparisons"
    )


def _comparison(
    reading: Reading,
    metric: str,
    arm: str,
    users: tuple[int, int],
    found: Difference | None,
    decision: Decision,
    reason: str,
) -> Comparison:
    both = reading.assignment.contaminated
    left_out = f"; {both} users were seen in two arms and left out" if both else ""
    return Comparison(
        experiment=reading.experiment,
        metric=metric,
        control=reading.control,
        arm=arm,
        effect=found.effect if found else None,
        low=found.interval.low if found else None,
        high=found.interval.high if found else None,
        n_control=users[0],
        n_arm=users[1],
        decision=decision,
        reason=reason + left_out,
        computed_at=reading.now,
    )
