"""One experiment as it is read: its clean rows, which arms can be compared over which stretches, and what was read of those that ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from monitor.config.schema import ExperimentSettings, MetricSettings
from monitor.experiments.phases import Life, Phase, stretches, together
from monitor.experiments.units import Assignment
from monitor.measures import Titles, called
from monitor.model.values import Comparison


@dataclass(frozen=True)
class Readout:
    """One experiment as it is read at `now`: its clean rows, who is in it, and the error that each comparison may spend.

    Metrics that are `unchecked` are those of judges whose errors people have not looked at in each arm.
    """

    experiment: str
    rows: pl.DataFrame
    assignment: Assignment
    control: str
    alpha: float
    comparisons: int
    settings: ExperimentSettings
    metrics: Mapping[str, MetricSettings]
    now: datetime
    labels: Mapping[str, int]
    unchecked: AbstractSet[str]
    phases: Sequence[Phase]
    arms: Mapping[str, Life]
    earlier: Mapping[tuple[str, str], Comparison]
    titles: Titles

    def called(self, metric: str) -> str:
        """Return what sentences call a metric."""
        return called(metric, self.titles)

    @cached_property
    def _by_metric(self) -> Mapping[tuple[object, ...], pl.DataFrame]:
        return self.rows.partition_by("metric", as_dict=True)

    def rows_of(self, metric: str) -> pl.DataFrame:
        """Return the clean rows of one metric, of all arms."""
        return self._by_metric.get((metric,), self.rows.clear())


def _ended(readout: Readout, arm: str) -> datetime | None:
    """When an arm, or its control, ended; None while both go on."""
    ends = [
        readout.arms[name].last for name in (readout.control, arm) if name in readout.arms and readout.arms[name].ended
    ]
    return min(ends, default=None)


def last_readings(readout: Readout, arm: str) -> list[Comparison]:
    """What was read of an arm that has ended, as it was read last; nothing where it was blocked, or never read."""
    ended = _ended(readout, arm)
    told = [last for (_, of), last in readout.earlier.items() if of == arm and last.decision != "blocked"]
    if ended is None or not told:
        return []
    mark = f"; ended on {ended:%Y-%m-%d}, as it was read last"
    return [last if mark in last.reason else replace(last, reason=last.reason + mark) for last in told]


@dataclass(frozen=True)
class Pair:
    """An arm beside its control: the phases in which both ran and may be pooled, whether others had to go, and the rows of these.

    `cells` are the same rows by metric and arm. `alpha` is the error of one comparison: stretches that cannot be pooled are read
    one after the other, and share it.
    """

    arm: str
    shared: Sequence[Phase]
    parted: bool
    rows: pl.DataFrame
    cells: Mapping[tuple[str, str], pl.DataFrame]
    alpha: float


def pair_of(readout: Readout, arm: str) -> Pair:
    """Return an arm beside its control."""
    shared, parted = together(readout.phases, readout.control, arm)
    rows = _of_phases(readout, shared)
    alpha = readout.alpha / stretches(readout.phases, readout.control, arm)
    parts = rows.partition_by("metric", "arm")  # as a dict each part would be asked for its key by a query of its own
    cells = {(part["metric"][0], part["arm"][0]): part for part in parts}
    return Pair(arm, shared, parted, rows, cells, alpha)


def _of_phases(readout: Readout, shared: Sequence[Phase]) -> pl.DataFrame:
    """The rows of units that came in these phases; all rows where there is one phase."""
    if len(shared) == len(readout.phases):
        return readout.rows
    came = readout.rows.group_by("unit").agg(pl.col("first").min())
    inside = came.filter(pl.any_horizontal(pl.lit(value=False), *(phase.holds() for phase in shared)))
    return readout.rows.join(inside.select("unit"), on="unit", how="semi")
