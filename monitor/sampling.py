"""Which turns are graded: Poisson sampling by a seeded hash of the unit's id (Särndal, Swensson, Wretman, section 3.2).

A turn is drawn when its hash, read as a number in [0, 1), is below the rate of its stratum. So the draw depends on the
seed and the turn alone: not on order, batches or what else there is; anyone with the seed can draw again and compare. The
rate is stored with every draw as its inclusion probability. Nobody may choose ids with the seed in hand: keep it private
where those who are graded choose trace ids.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

import msgspec
import polars as pl
from msgspec.structs import replace

from monitor.clock import aware_utc
from monitor.config.schema import SamplingSettings
from monitor.model.values import Sample

NO_APP: Final = "unknown"
"""Stratum of turns that do not say which app they belong to."""


class Plan(msgspec.Struct, frozen=True):
    """A seeded plan: how probable it is that it picks a turn, for any turn, also one that it did not pick.

    `column` makes the strata, `rates` names their probabilities, `rate` is that of all others. A plan for one `app`, or for turns
    with `start` <= time < `end` (naive UTC), picks nothing else. Plans of different seeds pick independently of each other.
    """

    name: str
    seed: int
    rate: float
    rates: dict[str, float] = {}
    column: str = "app"
    app: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def probability(self) -> pl.Expr:
        """Return, over turns with time, app and the column of the strata, how probable it is to be picked."""
        rate = self.stratum().replace_strict(self.rates, default=self.rate, return_dtype=pl.Float64)
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


CHANGES: Final = ("model", "prompt_version", "release")
"""Columns of turns whose new values are a change."""


def plans_of(settings: SamplingSettings, a_day: Mapping[str, int], fresh: Mapping[str, Sequence[str]]) -> list[Plan]:
    """Return the plans by which new turns are sampled: by app, and by what is new.

    `a_day` says how many turns each app had in the last day, `fresh` which values of `CHANGES` are new. A quota raises the rate of an app to
    a half, a quarter and so on that is enough for it, so that the plan changes when traffic doubles, not with every turn.
    """
    raised = {app: _enough(settings.quota / n) for app, n in a_day.items() if n > 0 and settings.quota > 0}
    named = dict(settings.strata)
    rates = named | {app: max(rate, named.get(app, settings.rate)) for app, rate in raised.items()}
    plans = [replace(plan_of(settings), rates=rates)]
    if settings.changed > 0:
        for number, column in enumerate(CHANGES, 1):
            new = dict.fromkeys(sorted(fresh.get(column, ())), settings.changed)
            plans.append(Plan(f"new {column}:{settings.seed}", settings.seed + number, 0.0, new, column=column))
    return plans


def _enough(share: float) -> float:
    """Return 1, or the smallest of 1/2, 1/4 ... that is at least `share`."""
    return min(1.0, 2.0 ** math.ceil(math.log2(share)))


def draw_samples(turns: pl.DataFrame, settings: SamplingSettings, now: datetime) -> list[Sample]:
    """Return the drawn ones of `turns` (columns unit_id, time, app), in their order; the stratum is the app.

    A rate outside [0, 1] is taken as the nearer bound; at 0 nothing of a stratum is drawn.
    """
    return plan_of(settings).draw(turns, now)


def weighted(graded: pl.DataFrame, plans: Sequence[tuple[int, Plan]]) -> pl.DataFrame:
    """Return `graded` with the probability of every sampled turn to be picked by any plan: 1 - prod(1 - p) over all plans.

    `graded` has seq, `plans` (names of those that picked the turn; NULL: none did) and `inclusion_probability`, that of those
    together. A plan that could have picked a turn and did not counts with the probability that it had: a turn that two plans reach
    is in the sample more often than one that only one reaches. `plans`: (since which seq, plan); a plan that was changed is
    there several times, and each turn was under one of them. What a sender that samples itself says (`sampling_weight`) is in it.
    """
    by_name = groupby(sorted(plans, key=lambda known: (known[1].name, known[0])), key=lambda known: known[1].name)
    missed = 1 - pl.col("inclusion_probability")
    for name, versions in by_name:
        picked = pl.col("plans").list.contains(name)
        missed *= pl.when(picked).then(1.0).otherwise(1 - _in_force([*versions]))
    sampled = pl.col("plans").is_not_null()
    return _of_the_sender(graded.with_columns(inclusion_probability=pl.when(sampled).then(1 - missed)).drop("plans"))


def _of_the_sender(graded: pl.DataFrame) -> pl.DataFrame:
    """A turn that reached us with a chance of 1 in `sampling_weight` is picked with so much less, and weighs so much more."""
    if "sampling_weight" not in graded.columns:
        return graded
    share = 1 / pl.col("sampling_weight").fill_null(1.0).clip(1.0)
    known = [name for name in ("inclusion_probability", "label_probability") if name in graded.columns]
    return graded.with_columns(pl.col(known) * share).drop("sampling_weight")


def _in_force(versions: Sequence[tuple[int, Plan]]) -> pl.Expr:
    """The probability by the version that a turn was under; turns of before the first were under the first."""
    probability = versions[0][1].probability()
    for since, plan in versions[1:]:
        probability = pl.when(pl.col("seq") >= since).then(plan.probability()).otherwise(probability)
    return probability


def position(unit_id: str, seed: int) -> float:
    """Return where `unit_id` lies in [0, 1) under `seed`: the first 53 bits of SHA-256 of both."""
    digest = hashlib.sha256(f"{seed}:{unit_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
