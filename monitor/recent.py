"""What was said of recent turns, kept in pieces of time: rates, limits and whom a fault reached are read from the same few arrays.

A piece is read from the store again once anything in it has changed: new turns, late verdicts, what was erased. So a pass costs
what is new, and its results are those of reading everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any, Final

import msgspec
import polars as pl

from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.estimates import EPOCH
from monitor.model import dimensions
from monitor.model.values import Signal, Turn
from monitor.sampling import Plan
from monitor.stats.erring import Errors
from monitor.store.graded import graded_units
from monitor.store.pieces import Seen, turn_counts
from monitor.store.reads import Reader
from monitor.store.standing import BUCKET
from monitor.store.ungraded import turns_named
from monitor.store.verdicts import plans
from monitor.verdict_columns import Told, together, told
from monitor.weighing import named_rules, spared, weighted

PIECES: Final = 96
"""Pieces of one window of the published rates, unless they would be shorter than a bucket."""

SPANS: Final = 3
"""Windows back from the newest piece that are kept."""

TURNS_AT_ONCE: Final = 10_000
"""Turns that are read in one go: their verdicts are texts until they are arrays."""

_TEXTS: Final = dict.fromkeys(("unit_id", "app", "rule_id", "verdict"), pl.String())


@cache
def _nothing() -> Told:
    """What was said of no turn: its columns."""
    return told(pl.DataFrame(schema={**_TEXTS, "time": pl.Datetime("us"), "inclusion_probability": pl.Float64()}))


@dataclass(frozen=True)
class Piece:
    """One piece of time as it was read, and what it looked like then."""

    signature: tuple[Any, ...]
    told: Told

    @cached_property
    def observations(self) -> pl.DataFrame:
        """Its verdicts as `Told.observations` counts them."""
        return self.told.observations(BUCKET)


@dataclass
class Recent:
    """The pieces of one store under one setting of rates. Not for several threads at once."""

    _pieces: dict[datetime, Piece] = field(default_factory=dict)
    _plans: list[tuple[int, Plan]] = field(default_factory=list)
    _settings: EstimateSettings | None = None
    _seen: Seen = field(default_factory=Seen)
    errors: Errors | None = None  # how often the people err whose labels correct rates; None: nothing tells of it
    operation: tuple[datetime, list[Signal]] | None = None  # how applications did, and as of when

    def told(self, reader: Reader, settings: EstimateSettings, start: datetime, end: datetime) -> Told:
        """Return what was said of turns with start <= time < end, naive UTC."""
        width = _width(settings)
        pieces = self._fresh(reader, settings, start, end).items()
        parts = (one.told if start <= at and at + width <= end else one.told.between(start, end) for at, one in pieces)
        return replace(together([_nothing(), *parts]), errors=self.errors)

    def observations(self, reader: Reader, settings: EstimateSettings, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the machines' decisive verdicts on the same turns, as `Told.observations` counts them, in the order of time."""
        width = _width(settings)
        pieces = self._fresh(reader, settings, start, end)
        parts = [
            piece.observations
            if start <= at and at + width <= end
            else piece.told.between(start, end).observations(BUCKET)
            for at, piece in pieces.items()
        ]
        return pl.concat([_nothing().observations(BUCKET), *parts], how="diagonal").sort("bucket", "app", "rule_id")

    def _fresh(
        self, reader: Reader, settings: EstimateSettings, start: datetime, end: datetime
    ) -> dict[datetime, Piece]:
        """Return the pieces of a time as the store has them now, in order."""
        self._check(reader, settings)
        width = _width(settings)
        columns = [name for name in settings.segments if name in dimensions.NAMES]
        bounds = start - (start - EPOCH) % width, end + (EPOCH - end) % width
        now = self._seen.signatures(reader, *bounds, width, columns)
        for gone in [at for at in self._pieces if bounds[0] <= at < bounds[1] and at not in now]:
            del self._pieces[gone]
        for run in _runs(now, self._pieces):
            self._read(reader, run, now, width, columns)
        found = {at: self._pieces[at] for at in sorted(now)}
        self._forget(SPANS * parse_duration(settings.window))
        return found

    def _check(self, reader: Reader, settings: EstimateSettings) -> None:
        """Forget everything once another plan reaches the turns, or other rates are asked for."""
        known = known_plans(reader)
        if (known, settings) != (self._plans, self._settings):
            self._pieces.clear()
            self._seen = Seen()
            self._plans, self._settings = known, settings

    def _read(
        self,
        reader: Reader,
        run: Sequence[datetime],
        now: Mapping[datetime, tuple[Any, ...]],
        width: timedelta,
        columns: Sequence[str],
    ) -> None:
        start, end = run[0], run[-1] + width
        found = told(weighted(graded_units(reader, start, end), self._plans), columns)
        cut = found.turns.with_columns(piece=_floor(width)).partition_by("piece", as_dict=True, include_key=False)
        for at in run:
            turns = cut.get((at,), found.turns.clear())
            labels = found.labels.join(turns, on="unit", how="semi") if found.labels.height else found.labels
            self._pieces[at] = Piece(now[at], Told(turns, labels))

    def _forget(self, reach: timedelta) -> None:
        """Let go of what is older than the newest piece by more than `reach`."""
        oldest = max(self._pieces, default=EPOCH) - reach
        for at in [at for at in self._pieces if at < oldest]:
            del self._pieces[at]


def known_plans(reader: Reader) -> list[tuple[int, Plan]]:
    """Return the sampling plans there have been, each with the number of the first turn that was under it."""
    return [(since, msgspec.json.decode(plan, type=Plan)) for since, plan in plans(reader)]


def as_drawn(reader: Reader, turns: Sequence[Turn], rules: Iterable[str]) -> list[Turn]:
    """Return `turns`, each with those of `rules` that are not asked of it."""
    known = known_plans(reader)
    if not named_rules(known):
        return [*turns]
    left = spared(turns_named(reader, [turn.unit_id for turn in turns]), known, rules)
    return [replace(turn, spared=left[turn.unit_id]) if turn.unit_id in left else turn for turn in turns]


def turns_of(
    reader: Reader, settings: EstimateSettings, start: datetime, end: datetime, ending: datetime | None = None
) -> pl.DataFrame:
    """Return how many turns with start <= time < end there are in each window of the rates, or those that end at `ending`."""
    span = parse_duration(settings.window)
    shift = timedelta(0) if ending is None else (ending - EPOCH) % span
    columns = [name for name in settings.segments if name in dimensions.NAMES]
    return turn_counts(reader, start, end, span, shift, columns)


def _width(settings: EstimateSettings) -> timedelta:
    """How long a piece is: whole buckets of observations."""
    return max(1, -(-parse_duration(settings.window) // PIECES // BUCKET)) * BUCKET


def _floor(width: timedelta) -> pl.Expr:
    """The piece that a turn lies in."""
    every = width // timedelta(microseconds=1)
    return (pl.col("time").cast(pl.Int64) // every * every).cast(pl.Datetime("us"))


def _runs(now: Mapping[datetime, tuple[Any, ...]], kept: Mapping[datetime, Piece]) -> Iterator[list[datetime]]:
    """Yield stretches of pieces that are not kept as they are `now`, with none that is in between, of about `TURNS_AT_ONCE` turns."""
    run: list[datetime] = []
    for at in sorted(now):
        fresh = at in kept and kept[at].signature == now[at]
        if run and (fresh or sum(now[one][0] for one in run) + now[at][0] > TURNS_AT_ONCE):
            yield run
            run = []
        if not fresh:
            run.append(at)
    if run:
        yield run
