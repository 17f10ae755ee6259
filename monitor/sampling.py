"""Which turns are graded: Poisson sampling by a seeded hash of the unit's id (Särndal, Swensson, Wretman, section 3.2).

A turn is drawn when its hash, read as a number in [0, 1), is below the rate of its stratum. So the draw depends on the
seed and the turn alone: not on order, batches or what else there is; anyone with the seed can draw again and compare. The
rate is stored with every draw as its inclusion probability. Nobody may choose ids with the seed in hand: keep it private
where those who are graded choose trace ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

import msgspec
import polars as pl

from monitor.clock import aware_utc
from monitor.config.schema import SamplingSettings
from monitor.model.values import Sample

NO_APP: Final = "unknown"
"""Stratum of turns that do not say which app they belong to."""

OTHERS: Final = ""
"""Stands for every rule that a plan does not name."""


class Rates(msgspec.Struct, frozen=True):
    """`rates` names the probabilities of strata, `rate` is that of all others."""

    rate: float
    rates: dict[str, float] = {}

    def of(self, stratum: str) -> float:
        """Return the probability of one stratum."""
        return self.rates.get(stratum, self.rate)


class Plan(msgspec.Struct, frozen=True):
    """A seeded plan: how probable it is that it picks a turn, for any turn, also one that it did not pick.

    `column` makes the strata, `rates` names their probabilities, `rate` is that of all others. A plan for one `app`, or for turns
    with `start` <= time < `end` (naive UTC), picks nothing else. Plans of different seeds pick independently of each other.

    `rules` says which rules are asked of fewer turns than are picked, each by rates of its own that are no higher than those of the
    turns: a rule is asked where the number of the turn is below its rate, so that what one rule is asked of, a more eager one is, too.
    """

    name: str
    seed: int
    rate: float
    rates: dict[str, float] = {}
    column: str = "app"
    app: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    rules: dict[str, Rates] = {}

    def rates_of(self, rule: str | None) -> Rates:
        """Return the rates by which a rule is asked; None: by which turns are picked."""
        whole = Rates(self.rate, self.rates)
        return whole if rule is None else self.rules.get(rule, self.rules.get(OTHERS, whole))

    def probability(self, rule: str | None = None) -> pl.Expr:
        """Return, over turns with time, app and the column of the strata, how probable it is to be picked, or that `rule` is asked."""
        known = self.rates_of(rule)
        rate = self.stratum().replace_strict(known.rates, default=known.rate, return_dtype=pl.Float64)
        return pl.when(self._reached()).then(rate.clip(0.0, 1.0)).otherwise(0.0)

    def draw(self, turns: pl.DataFrame, now: datetime) -> list[Sample]:
        """Return the drawn ones of `turns` (columns unit_id, time, app and that of the strata), in their order."""
        rows = turns.select("unit_id", "time", self.stratum().alias("stratum"), self.probability().alias("p"))
        drawn = (self._draw(*row, now=now) for row in rows.iter_rows())
        return [sample for sample in drawn if sample is not None]

    def stratum(self) -> pl.Expr:
        """Return, over the same turns, which stratum they are of."""
        return pl.col(self.column).cast(pl.String).replace("", None).fill_null(NO_APP)

    def _reached(self) -> pl.Expr:
        bounds = [pl.lit(value=True)]
        if self.app is not None:
            bounds.append(pl.col("app").eq_missing(self.app))
        if self.start is not None:
            bounds.append(pl.col("time") >= self.start)
        if self.end is not None:
            bounds.append(pl.col("time") < self.end)
        return pl.all_horizontal(bounds)

    def _draw(self, unit_id: str, time: datetime, stratum: str, rate: float, *, now: datetime) -> Sample | None:
        number = position(unit_id, self.seed)
        if number >= rate:
            return None
        return Sample(
            unit_id=unit_id,
            time=aware_utc(time),
            plan=self.name,
            stratum=stratum,
            inclusion_probability=rate,
            drawn_at=now,
            reason=f"hash {number:.6f} is below the rate {rate:g} of {stratum}",
        )


def plan_of(settings: SamplingSettings) -> Plan:
    """Return the plan by which new turns are sampled."""
    return Plan(f"poisson:{settings.seed}", settings.seed, settings.rate, dict(settings.strata))


def draw_samples(turns: pl.DataFrame, settings: SamplingSettings, now: datetime) -> list[Sample]:
    """Return the drawn ones of `turns` (columns unit_id, time, app), in their order; the stratum is the app.

    A rate outside [0, 1] is taken as the nearer bound; at 0 nothing of a stratum is drawn.
    """
    return plan_of(settings).draw(turns, now)


Versions = Sequence[tuple[int, Plan]]
"""The versions of plans, each with the number of the first turn that was under it."""


def by_name(plans: Versions) -> Iterator[tuple[str, list[tuple[int, Plan]]]]:
    """Yield the versions of each plan, the oldest first."""
    known = sorted(plans, key=lambda version: (version[1].name, version[0]))
    for name, versions in groupby(known, key=lambda version: version[1].name):
        yield name, [*versions]


def in_force(versions: Versions, rule: str | None = None) -> pl.Expr:
    """Return the probability by the version that a turn (seq) was under; turns of before the first were under the first."""
    probability = versions[0][1].probability(rule)
    for since, plan in versions[1:]:
        probability = pl.when(pl.col("seq") >= since).then(plan.probability(rule)).otherwise(probability)
    return probability


def position(unit_id: str, seed: int) -> float:
    """Return where `unit_id` lies in [0, 1) under `seed`: the first 53 bits of SHA-256 of both."""
    digest = hashlib.sha256(f"{seed}:{unit_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
