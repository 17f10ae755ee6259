"""Living through the steps of a replay: streams, arms, rates and alerts in arrays, and what they decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor import comparing
from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.drift import Feeding, Living, live_drift
from monitor.estimates import estimate_told
from monitor.graders.cascade import graders_of
from monitor.model.values import Estimate
from monitor.policy.schema import units_of_rules
from monitor.recent import known_plans, turns_of
from monitor.replay.memory import Remembered
from monitor.replay.stretch import Read, Step, said_between
from monitor.signals import signals_seen
from monitor.steps import TOLD_FOR, House, aligned, data_time, looked
from monitor.store import outcomes, reads
from monitor.store.pasts import pasts
from monitor.streams import LASTING
from monitor.surroundings import with_traffic
from monitor.wording import OPEN

SPANS: Final = 3
"""Windows of the published rates back to which what was said is kept."""


@dataclass
class Lived:
    """A house in a replay: what its steps know of each other stands in memory, what they decide goes into its store."""

    house: House
    sight: Remembered = field(init=False)
    arms: comparing.Arms = field(init=False)
    graded_by: Callable[[str, str], str] = field(init=False)
    streams: Living = field(default_factory=Living)
    read: Read | None = None
    open_windows: set[datetime] = field(default_factory=set)
    begun: bool = False

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.sight = Remembered(self.house.settings.estimates)
        self.graded_by = graders_of(self.house.policies)
        self.arms = comparing.Arms(reads.arm_units(self.house.store), [])

    def begin(self, read: Read) -> None:
        """Take in the next stretch."""
        self.read = read
        first = naive_utc(read.steps[0].moment)
        since = (
            min([first, *self.open_windows, *(step.start for step in read.steps[:1] if step.start)])
            - SPANS * self._span
        )
        self.sight.add(read.turns, read.said, read.violations, since)
        if read.reweighted:
            last = naive_utc(read.steps[-1].moment)
            self.sight.replace(said_between(self.house, since, last, known_plans(self.house.store)))
        self.sight.operations = read.operations

    def live(self, step: Step) -> None:
        """Live through one step: what is new goes to streams and arms, then everything is looked at."""
        self.sight.now = naive_utc(step.moment)
        for streams, _ in step.fed:
            self._track(streams)
        for scores in step.scores:
            self._track(scores)
        self._compare([*(arms for _, arms in step.fed), *step.scores])
        if step.start is not None and step.end is not None:
            self._note(step.start, step.end)
        self._publish([start for start in self.open_windows if start + self._span <= self.sight.now])
        self.begun = self.begun or bool(step.fed or step.scores)
        if self.begun:
            self._look()

    def _look(self) -> None:
        """Hold the alert rules against the signals as of now; silence is a signal too."""
        now = self.house.clock.now()
        signals = signals_seen(self.sight, self.house.settings.estimates, self.house.policies, now)
        if self.house.alerting:
            self.house.alerting.observe(signals, now)

    def end(self) -> None:
        """Publish the rates of windows that are not over, and what the arms read."""
        self._publish(list(self.open_windows))
        with self.house.store.transaction() as txn:
            outcomes.replace_readout(txn, self.arms.sums, self.arms.comparisons)

    @property
    def _span(self) -> timedelta:
        return parse_duration(self.house.settings.estimates.window)

    def _note(self, start: datetime, end: datetime) -> None:
        at = aligned(start, self._span)
        while at <= end:
            self.open_windows.add(at)
            at += self._span

    def _publish(self, starts: Sequence[datetime]) -> None:
        """Publish the rates of windows that no turn comes to any more."""
        if not starts:
            return
        self.open_windows -= set(starts)
        made = self._estimates(min(starts), max(starts) + self._span)
        self.sight.publish(made)
        with self.house.store.transaction() as txn:
            outcomes.replace_estimates(txn, min(starts), max(starts) + self._span, made)

    def _estimates(self, start: datetime, end: datetime) -> list[Estimate]:
        settings = self.house.settings.estimates
        turns = turns_of(self.house.store, settings, start, end)
        about = units_of_rules(self.house.policies)
        return estimate_told(self.sight.told(start, end), turns, settings, about=about)

    def _track(self, metrics: pl.DataFrame) -> None:
        """Feed the streams; findings are few, and go through the store."""
        at = data_time(self.house, metrics)
        told = self.read.changes if self.read else []
        seen = [change for change in told if at - TOLD_FOR < change.time <= self.house.clock.now()]
        feeding = Feeding(graded_by=self.graded_by, lasting=LASTING, changes=seen, titles=self.house.titles)
        outcome = live_drift(self.streams, metrics, self.house.settings.drift, at, feeding)
        expired = at - parse_duration(self.house.settings.drift.expires)
        old = any(row["state"] == OPEN and row["detected_at"] < naive_utc(expired) for row in self.sight.found)
        findings = with_traffic(outcome.findings, self.house.store, looked(self.house))
        if findings or outcome.returned or outcome.rises or old:
            with self.house.store.transaction() as txn:
                outcomes.add_findings(txn, findings)
                outcomes.move_findings(txn, outcome, at, expired)
            self.sight.found = reads.all_findings(self.house.store).to_dicts()

    def _compare(self, measured: Sequence[pl.DataFrame]) -> None:
        """Add to the arms, and read them once a step; of turns that are in no experiment nothing is asked while there is none."""
        if self.arms.sums.is_empty() and all(rows["experiment"].null_count() == rows.height for rows in measured):
            return
        arms = comparing.with_more(self.house, self.arms, measured, comparing.Looked(self._before))
        if arms is not self.arms:
            self.arms = arms
            self.sight.compared = [{**asdict(t), "computed_at": naive_utc(t.computed_at)} for t in arms.comparisons]

    def _before(self, units: pl.DataFrame) -> pl.DataFrame:
        with self.house.store.transaction() as txn:
            return pasts(txn, units)
