"""Is the start of a change inside the interval that is told? Refusals that change on a Wednesday and on a Saturday, with and without a week."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import DriftSettings
from tests.drift.traffic import STEP, Watch, at, turns

DAY = 288
"""Turns of a day: one every five minutes, from a Monday on."""

CHANGES = ((0.03, 0.15), (0.05, 0.25), (0.1, 0.3), (0.3, 0.55))
DAYS = {"Wednesday": 16, "Saturday": 19}


def told(before: float, after: float, start: int, seed: int, *, week: bool) -> tuple[bool, float] | None:
    """Whether the start lies in the interval of the finding, and how long that is in turns; None where nothing was found."""
    rows = turns({"rule:refusal": np.zeros(start + 900)})
    rate = np.where(np.arange(rows.height) < start, before, after)
    if week:
        rate = rate * np.where(rows["time"].dt.weekday().to_numpy() >= 6, 1.5, 1.0)
    said = (np.random.default_rng(seed).random(rows.height) < rate).astype(float)
    watch = Watch(DriftSettings(timezone="UTC" if week else "none"))
    watch.feed(rows.with_columns(pl.Series("rule:refusal", said)), DAY // 2)
    found = next((finding for finding in watch.findings if finding.detected_at > at(start)), None)
    if found is None:
        return None
    return found.since_low <= at(start) <= found.since_high, (found.since_high - found.since_low) / STEP


def held(seeds: range, day: str, *, week: bool) -> list[tuple[bool, float]]:
    cases = [told(*change, DAYS[day] * DAY + 11 * seed, seed, week=week) for change in CHANGES for seed in seeds]
    return [case for case in cases if case is not None]


def test_some_starts_lie_inside_their_interval() -> None:
    found = held(range(200, 203), "Saturday", week=True)
    assert len(found) == 12
    assert sum(inside for inside, _ in found) >= 10


@pytest.mark.statistics
def test_nine_of_ten_starts_lie_inside_their_interval() -> None:
    print("\n| traffic | day | found | start inside the interval | its median length in turns |\n|---|---|---|---|---|")
    inside = []
    for week in (False, True):
        for day in DAYS:
            found = held(range(100, 112), day, week=week)
            lengths = np.median([length for _, length in found])
            inside += [one for one, _ in found]
            name = "weekends differ" if week else "no week"
            print(f"| {name} | {day} | {len(found)} of 48 | {sum(one for one, _ in found)} | {lengths:.0f} |")
    print(f"{sum(inside)} of {len(inside)}")
    assert np.mean(inside) >= 0.9
