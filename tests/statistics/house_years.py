"""A year of ordinary traffic of one app in which nothing changes but the calendar: seeded, a batch a day.

`python -m tests.statistics.house_years SCENARIO YEARS [TURNS_A_DAY [FILE [APPS]]]` prints the findings of each seeded year, all of them
false. With FILE each year is kept there as it ends, and a run that was stopped goes on with the years that are not in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path

import numpy as np
import polars as pl

from monitor.config.schema import DriftSettings
from monitor.model.values import Finding
from monitor.stats.ranks import Floats
from tests.drift.traffic import Watch

START = datetime(2025, 1, 6)  # noqa: DTZ001 a Monday; the store keeps naive UTC
DAYS = 364


@dataclass(frozen=True)
class Scenario:
    """What is ordinary about the traffic. Amounts are relative to the mean of each metric."""

    weekly: float = 0.0  # at weekends: shorter answers, more refusals, fewer turns
    daily: float = 0.0  # at night: the same
    growth: float = 0.0  # of volume, a week
    holiday: str = "none"  # none | volume | mix: in one week of each quarter
    outage: bool = False  # two days without traffic, each quarter
    late_days: float = 0.0  # turns arrive up to so many days late
    heavy: bool = False  # one user with 60 % of the turns who comes and goes, answered like everybody
    zone_shift: bool = False  # clocks change on 30 March and 26 October


SCENARIOS = {
    "plain": Scenario(),
    "weekly cycle": Scenario(weekly=1.0),
    "daily cycle": Scenario(daily=1.0),
    "both, 3 % growth a week": Scenario(weekly=1.0, daily=1.0, growth=0.03),
    "holiday week, volume": Scenario(weekly=1.0, daily=1.0, holiday="volume"),
    "holiday week, volume and mix": Scenario(weekly=1.0, daily=1.0, holiday="mix"),
    "two-day outage": Scenario(weekly=1.0, daily=1.0, outage=True),
    "up to 3 days late": Scenario(weekly=1.0, daily=1.0, late_days=3.0),
    "a 60 % user comes and goes": Scenario(weekly=1.0, daily=1.0, heavy=True),
    "daylight saving": Scenario(weekly=1.0, daily=1.0, zone_shift=True),
}


def year(scenario: Scenario, seed: int, turns_a_day: int = 300, days: int = DAYS) -> Iterator[pl.DataFrame]:
    """Yield a batch a day."""
    rng = np.random.default_rng([41, seed])
    whole = [_day(scenario, rng, day, turns_a_day) for day in range(days)]
    if not scenario.late_days:
        yield from (rows for rows in whole if rows.height)
        return
    rows = pl.concat(whole)
    wait = np.where(rng.random(rows.height) < 0.2, rng.random(rows.height) * scenario.late_days, 0.0)
    arrival = rows["time"] + pl.Series(wait * 86_400e6).cast(pl.Duration("us"))
    for (_,), part in (
        rows.with_columns(arrival=arrival.dt.truncate("1d")).sort("arrival").group_by("arrival", maintain_order=True)
    ):
        yield part.drop("arrival")


def _day(scenario: Scenario, rng: np.random.Generator, day: int, turns_a_day: int) -> pl.DataFrame:
    weekend = day % 7 >= 5
    week_of_quarter = day // 7 % 13
    holiday = scenario.holiday != "none" and week_of_quarter == 11
    volume = turns_a_day * (1 + scenario.growth) ** (day / 7) * (0.45 if scenario.weekly and weekend else 1.0)
    volume *= 0.3 if holiday else 1.0
    volume = 0 if scenario.outage and week_of_quarter == 8 and day % 7 in {1, 2} else volume
    away = scenario.heavy and day % 23 >= 17
    n = int(rng.poisson(volume * (0.4 if away else 1.0)))
    hour = _hours(scenario, rng, n)
    night = ((hour < 7) | (hour >= 22)).astype(float) * scenario.daily
    season = np.minimum(1.0, scenario.weekly * weekend + night)
    legal = rng.random(n) < (0.7 if holiday and scenario.holiday == "mix" else 0.3)
    stamp = START + timedelta(days=day)
    shift = timedelta(hours=int(scenario.zone_shift and 83 <= day < 293))
    heavy = (rng.random(n) < 0.6) & scenario.heavy & (not away)
    users = np.where(heavy, "batch-job", np.char.add("u", rng.integers(0, 400, n).astype(str)))
    chars = rng.lognormal(5.2 - 0.35 * season, 0.5, n)
    return pl.DataFrame(
        {
            "unit_id": [f"d{day}-{i}" for i in range(n)],
            "time": pl.Series(
                [stamp - shift + timedelta(hours=float(h)) for h in np.sort(hour)], dtype=pl.Datetime("us")
            ),
            "app": ["shop"] * n,
            "user_id": users,
            "prompt_name": np.where(legal, "legal", "main"),
            "output_chars": chars,
            "output_tokens": np.ceil(chars / 4),
            "duration_ms": rng.lognormal(6.5 - 0.3 * season, 0.4, n),
            "cost_usd": np.ceil(chars / 4) * 2e-5,
            "error": (rng.random(n) < 0.01).astype(float),
            "rule:refusal": (rng.random(n) < 0.04 + 0.08 * season).astype(float),
            "rule:pii": (rng.random(n) < 0.005).astype(float),
            "undecided:refusal": (rng.random(n) < 0.03).astype(float),
            "cut_off": (rng.random(n) < 0.01).astype(float),
            "steps": 1.0 + rng.poisson(0.3 + 0.3 * season, n),
            "kind:output_language": np.where(rng.random(n) < 0.1, "de", "en"),
        }
    )


def _hours(scenario: Scenario, rng: np.random.Generator, n: int) -> Floats:
    if not scenario.daily:
        return np.sort(rng.random(n) * 24)
    weights = np.array([1.0] * 7 + [6.0] * 13 + [2.0] * 4)
    return np.sort(rng.choice(24, n, p=weights / weights.sum()) + rng.random(n))


def run(
    scenario: Scenario, seed: int, turns_a_day: int = 300, settings: DriftSettings | None = None, apps: int = 1
) -> Watch:
    """Feed one year of `apps` applications with so many turns a day each, and return what was found."""
    watch = Watch(settings)
    watch.lasting = ("output_tokens", "cost_usd")
    years = [_of_app(year(scenario, seed + 1000 * number, turns_a_day), number) for number in range(apps)]
    for batches in zip_longest(*years):
        watch.feed(pl.concat(batch for batch in batches if batch is not None), 10_000)
    return watch


def _of_app(batches: Iterator[pl.DataFrame], number: int) -> Iterator[pl.DataFrame]:
    """The first application is called shop, as where it is alone."""
    for batch in batches:
        named = pl.format("{}-{}", pl.lit(number), "unit_id")
        yield batch.with_columns(unit_id=named, app=pl.lit(f"shop-{number}")) if number else batch


def _said(f: Finding) -> str:
    return f"{f.since:%a %m-%d} found {f.detected_at:%a %m-%d} {f.metric} {f.segment} {f.cause} | {f.reason[:150]}"


def _kept(file: Path | None, name: str, turns: int, apps: int) -> dict[int, list[str]]:
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file is not None and file.exists() else []
    asked = (name, turns, apps)
    return {row["seed"]: row["found"] for row in rows if (row["name"], row["turns"], row.get("apps", 1)) == asked}


def main(arguments: list[str]) -> None:
    """Print the findings of each year."""
    name, years = arguments[0], int(arguments[1])
    turns = int(arguments[2]) if len(arguments) > 2 else 300
    kept = Path(arguments[3]) if len(arguments) > 3 else None
    apps = int(arguments[4]) if len(arguments) > 4 else 1
    known = _kept(kept, name, turns, apps)
    total = 0
    for seed in range(years):
        found = known.get(seed)
        if found is None:
            found = [_said(f) for f in run(SCENARIOS[name], seed, turns, apps=apps).findings]
            if kept is not None:
                with kept.open("a") as file:
                    row = {"name": name, "turns": turns, "apps": apps, "seed": seed, "found": found}
                    print(json.dumps(row), file=file)
        total += len(found)
        for line in found:
            print(f"  year {seed}: {line}", flush=True)
    print(f"{name}: {total} findings in {years} years of {apps} x {turns} turns a day", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
