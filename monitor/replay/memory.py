"""What a replay has in memory of the days it has been through: all that signals are read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.counted import Counted, counted
from monitor.estimates import EPOCH
from monitor.model.values import Estimate, Signal
from monitor.replay.cut import cut
from monitor.replay.paces import Paces
from monitor.replay.tally import Tally, by_stream
from monitor.replay.violations import Violations
from monitor.sight import Row
from monitor.store import replayed
from monitor.store.standing import BUCKET, LATE, Stream
from monitor.verdict_columns import Told, together, told
from monitor.wording import OPEN
from monitor.workload import AGAIN

PULSE: Final = timedelta(days=21)
_COUNTS: Final[dict[str, pl.DataType]] = {
    "app": pl.String(),
    "rule_id": pl.String(),
    "bucket": pl.Datetime("us"),
    "probability": pl.Float64(),
    "n": pl.Float64(),
    "bad": pl.Float64(),
}
_NOTHING: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(("unit_id", "app", "rule_id", "verdict"), pl.String()),
    "time": pl.Datetime("us"),
    "inclusion_probability": pl.Float64(),
}


@dataclass
class Remembered:
    """A `Sight` of turns that were added in their order. What no look reaches back to is let go of."""

    settings: EstimateSettings
    paces: Paces = field(default_factory=Paces)
    found: list[Row] = field(default_factory=list)  # findings as they stand
    compared: list[Row] = field(default_factory=list)  # the present readouts
    operations: Mapping[datetime, list[Signal]] = field(default_factory=dict)  # how apps do at each step of a stretch
    now: datetime = EPOCH  # naive UTC: what is graded later in a stretch is not seen yet
    _told: Told = field(default_factory=lambda: told(pl.DataFrame(schema=_NOTHING)))
    _bad: Violations = field(default_factory=Violations)
    _published: Tally = field(default_factory=Tally)
    _counted: Tally = field(default_factory=Tally)  # of whole buckets
    _operation: tuple[datetime, list[Signal]] | None = None

    def add(self, turns: pl.DataFrame, said: Told, violations: pl.DataFrame, since: datetime) -> None:
        """Take in a stretch of turns and what was said of them; no look from here on asks for what is before `since`."""
        self.paces.add(turns)
        self._told = together([Told(self._told.turns.filter(pl.col("time") >= since), self._told.labels), said])
        if said.turns.height:
            self._count(since, said.turns["time"][0])
        self._bad.add(violations, since - LATE)

    def replace(self, said: Told) -> None:
        """Have `said` in place of what was said of those turns: other plans weigh them otherwise."""
        self._told, self._counted = said, Tally()
        self._count(EPOCH, EPOCH)

    def _count(self, since: datetime, changed: datetime) -> None:
        """Count the answers of each bucket from `changed` on; what is before `since` is let go of."""
        anew = changed - (changed - EPOCH) % BUCKET
        fresh = Told(self._told.turns.filter(pl.col("time") >= anew), self._told.labels)
        self._counted.keep(since, anew)
        self._counted.add(counted(fresh.observations(BUCKET)))

    def publish(self, estimates: Iterable[Estimate]) -> None:
        """Take in rates of windows that are over."""
        rows = [
            (e.app, e.rule_id, naive_utc(e.window_start), None, float(e.n_graded), e.value * e.n_graded)
            for e in estimates
            if e.segment == "all" and e.n_graded > 0 and e.value is not None
        ]
        self._published.add(counted(pl.DataFrame(rows, _COUNTS, orient="row").sort("bucket")))

    def findings(self, since: datetime) -> list[Row]:
        """See `Sight`."""
        kept = (
            row
            for row in self.found
            if row["state"] == OPEN or max(row["detected_at"], row["state_at"] or EPOCH) > since
        )
        return [dict(row) for row in kept]

    def pulses(self, at: datetime) -> list[Row]:
        """See `Sight`."""
        return self.paces.pulses(at, PULSE)

    def came(self, app: str, after: datetime, until: datetime) -> int:
        """See `Sight`."""
        return self.paces.came(app, after, until)

    def turns(self, start: datetime, end: datetime) -> pl.DataFrame:
        """See `Sight`."""
        return self.paces.turns(start, end)

    def told(self, start: datetime, end: datetime) -> Told:
        """See `Sight`."""
        return cut(self._told, start, end)

    def counted(self, since: datetime, day: datetime, now: datetime) -> list[Counted]:
        """See `Sight`. Buckets that are over were counted with their stretch."""
        last = day - parse_duration(self.settings.window)
        over = day if (day - EPOCH) % BUCKET else now - (now - EPOCH) % BUCKET
        rest = self.told(over, now)
        parts = [
            self._published.between(since, last + replayed.TICK),
            self._counted.between(day, over),
            counted(rest.observations(BUCKET)) if rest.turns.height else [],
        ]
        return by_stream(parts)

    def cases(self, rules: Sequence[str], since: datetime) -> pl.DataFrame:
        """See `Sight`."""
        return self._bad.cases(rules, (since, self.now), since - LATE)

    def violating(
        self, streams: Mapping[Stream, datetime], start: datetime, end: datetime, limit: int
    ) -> dict[Stream, list[str]]:
        """See `Sight`."""
        return self._bad.newest([*streams], start, end, limit)

    def comparisons(self) -> list[Row]:
        """See `Sight`."""
        return self.compared

    def operation(self, now: datetime) -> list[Signal]:
        """See `Sight`; looked at anew once a minute, as the store is."""
        if self._operation is None or not timedelta(0) <= now - self._operation[0] < AGAIN:
            self._operation = (now, self.operations[now])
        return self._operation[1]
