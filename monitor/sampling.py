"""Which turns are graded: Poisson sampling by a seeded hash of the unit's id (Särndal, Swensson, Wretman, section 3.2).

A turn is drawn when its hash, read as a number in [0, 1), is below the rate of its stratum. So the draw depends on the
seed and the turn alone: not on order, batches or what else there is; anyone with the seed can draw again and compare. The
rate is stored with every draw as its inclusion probability. Nobody may choose ids with the seed in hand: keep it private
where those who are graded choose trace ids.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import polars as pl

from monitor.clock import aware_utc
from monitor.config.schema import SamplingSettings
from monitor.model.values import Sample

NO_APP: Final = "unknown"
"""Stratum of turns that do not say which app they belong to."""


def draw_samples(turns: pl.DataFrame, settings: SamplingSettings, now: datetime) -> list[Sample]:
    """Return the drawn ones of `turns` (columns unit_id, time, app), in their order; the stratum is the app.

    A rate outside [0, 1] is taken as the nearer bound; at 0 nothing of a stratum is drawn.
    """
    rows = turns.select("unit_id", "time", "app").iter_rows()
    drawn = (_draw(unit_id, time, app or NO_APP, settings, now) for unit_id, time, app in rows)
    return [sample for sample in drawn if sample is not None]


def _draw(unit_id: str, time: datetime, stratum: str, settings: SamplingSettings, now: datetime) -> Sample | None:
    rate = min(1.0, max(0.0, settings.strata.get(stratum, settings.rate)))
    number = position(unit_id, settings.seed)
    if number >= rate:
        return None
    return Sample(
        unit_id=unit_id,
        time=aware_utc(time),
        plan=f"poisson:{settings.seed}",
        stratum=stratum,
        inclusion_probability=rate,
        drawn_at=now,
        reason=f"hash {number:.6f} is below the rate {rate:g} of {stratum}",
    )


def position(unit_id: str, seed: int) -> float:
    """Return where `unit_id` lies in [0, 1) under `seed`: the first 53 bits of SHA-256 of both."""
    digest = hashlib.sha256(f"{seed}:{unit_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
