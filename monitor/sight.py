"""What signals are read from, as of one moment: the store, or what a replay has in memory of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import polars as pl
from msgspec.structs import replace

from monitor.config.schema import EstimateSettings
from monitor.counted import Counted, counted
from monitor.model.values import Signal
from monitor.recent import Recent, turns_of
from monitor.store import pulses, reads, standing
from monitor.store.reads import Reader
from monitor.verdict_columns import Told
from monitor.workload import operation

Row = dict[str, Any]


class Sight(Protocol):
    """What there is to see. Times are naive UTC; a stretch holds its start and not its end; each frame is as the function of that name in `monitor.store` says."""

    def findings(self, since: datetime) -> list[Row]:
        """Return findings that are open, or were found or closed after `since`."""

    def pulses(self, at: datetime) -> list[Row]:
        """Return app, first, last and n of the live turns of the last three weeks."""

    def came(self, app: str, after: datetime, until: datetime) -> int:
        """Return how many live turns of an app came after a time and until another."""

    def told(self, start: datetime, end: datetime) -> Told:
        """Return what was said of the turns of a time."""

    def counted(self, since: datetime, day: datetime, now: datetime) -> list[Counted]:
        """Return what answers were counted: of the windows from `since` on that were over by `day` as published, after that the decisive verdicts of machines."""

    def turns(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Return how many turns, and sessions that ended, each app had."""

    def cases(self, rules: Sequence[str], since: datetime) -> pl.DataFrame:
        """Return the violations of `rules` that were graded since and stand."""

    def violating(
        self, streams: Mapping[standing.Stream, datetime], start: datetime, end: datetime, limit: int
    ) -> dict[standing.Stream, list[str]]:
        """Return the newest units that violate the rule of each stream, which has about so many since the time given with it."""

    def comparisons(self) -> list[Row]:
        """Return the present readout of every experiment."""

    def operation(self, now: datetime) -> list[Signal]:
        """Return how applications do."""


@dataclass(frozen=True)
class StoreSight:
    """The store as it is; `recent` is what is kept of it between two looks."""

    reader: Reader
    settings: EstimateSettings
    recent: Recent

    def findings(self, since: datetime) -> list[Row]:
        """See `Sight`."""
        return standing.standing_findings(self.reader, since).to_dicts()

    def pulses(self, at: datetime) -> list[Row]:
        """See `Sight`."""
        return pulses.app_pulse(self.reader, at).to_dicts()

    def came(self, app: str, after: datetime, until: datetime) -> int:
        """See `Sight`."""
        return pulses.live_turns(self.reader, app, after, until)

    def told(self, start: datetime, end: datetime) -> Told:
        """See `Sight`."""
        return self.recent.told(self.reader, self.settings, start, end)

    def counted(self, since: datetime, day: datetime, now: datetime) -> list[Counted]:
        """See `Sight`."""
        published = standing.published_counts(self.reader, since, day)
        said = self.recent.observations(self.reader, self.settings, day, now)
        return counted(pl.concat([published, said], how="diagonal"))

    def turns(self, start: datetime, end: datetime) -> pl.DataFrame:
        """See `Sight`."""
        return turns_of(self.reader, replace(self.settings, segments=()), start, end, ending=end)

    def cases(self, rules: Sequence[str], since: datetime) -> pl.DataFrame:
        """See `Sight`."""
        return standing.standing_cases(self.reader, rules, since)

    def violating(
        self, streams: Mapping[standing.Stream, datetime], start: datetime, end: datetime, limit: int
    ) -> dict[standing.Stream, list[str]]:
        """See `Sight`."""
        return standing.violating_units(self.reader, streams, start, end, limit)

    def comparisons(self) -> list[Row]:
        """See `Sight`."""
        return reads.latest_comparisons(self.reader).to_dicts()

    def operation(self, now: datetime) -> list[Signal]:
        """See `Sight`."""
        return operation(self.reader, now, self.recent)
