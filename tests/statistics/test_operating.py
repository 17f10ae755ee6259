"""Alerts about operation under the starter rules: false ones in quiet weeks, and how long what breaks takes to be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from alerts.checks import load_rules
from alerts.evaluation import observe
from alerts.states import AlertState, decide
from monitor.clock import FakeClock
from monitor.store.opening import Store
from monitor.workload import operating_signals
from tests.store.rows import START

DAY = timedelta(days=1)
A_DAY = 1000
EVERY = timedelta(minutes=30)


def turns(weeks: int, seed: int) -> pl.DataFrame:
    """Turns that come and go with the hour and the day of the week, as in the demo; nothing happens."""
    rng = np.random.default_rng(seed)
    hours = np.arange(weeks * 7 * 24)
    pace = (1.2 + np.sin((hours % 24 - 9) / 24 * 2 * np.pi)) * np.where(hours // 24 % 7 >= 5, 0.5, 1.0)
    n = rng.poisson(pace / pace.mean() * A_DAY / 24)
    seconds = np.repeat(hours * 3600, n) + rng.uniform(0, 3600, n.sum())
    time = np.datetime64(START.replace(tzinfo=None), "us") + (seconds * 1e6).astype("timedelta64[us]")
    size = len(time)
    return pl.DataFrame(
        {
            "trace_id": [f"{i:032x}" for i in range(size)],
            "app": "shop",
            "time": time,
            "duration_ms": rng.lognormal(7.5, 0.6, size),
            "cost_usd": rng.lognormal(-7, 0.8, size),
            "error_type": ["RateLimit" if bad else None for bad in rng.random(size) < 0.015],
        }
    ).with_columns(finished_at=pl.col("time") + timedelta(minutes=1))


def looks(rows: pl.DataFrame, start: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    """What begins to fire between `start` and `end`, and when."""
    clock = FakeClock(start)
    store = Store.scratch(clock)
    with store.transaction() as txn:
        txn.insert("turns", rows)
    rules = load_rules(None).rules
    known: dict[str, AlertState] = {}
    while clock.now() < end:
        seen = observe(rules, operating_signals(store, clock.now()))
        for step in decide(rules, seen, list(known.values()), clock.now()):
            known[step.alert.fingerprint] = step.alert
            if step.kind == "firing":
                yield clock.now(), step.alert.rule_id
        clock.advance(EVERY)
    store.close()


@pytest.mark.statistics
def test_quiet_weeks_are_quiet() -> None:
    """Eight weeks of 1,000 turns a day, looked at every half hour."""
    said: Counter[str] = Counter()
    for seed in range(2):
        said.update(rule for _, rule in looks(turns(5, seed), START + 7 * DAY, START + 35 * DAY))
    print(f"\nfalse alerts in 8 quiet weeks: {dict(said) or 'none'}")
    assert said.total() <= 2


BREAKS: dict[str, Any] = {
    "slow": pl.col("duration_ms") * 3,
    "errors": pl.col("error_type").fill_null("Timeout"),
    "spending": pl.col("cost_usd") * 4,
}


def broken(rows: pl.DataFrame, rule: str, at: datetime) -> pl.DataFrame:
    after = pl.col("time") >= at.replace(tzinfo=None)
    if rule in BREAKS:
        column = BREAKS[rule].meta.root_names()[0]
        share = pl.col("trace_id").hash(1) % 10 < (3 if rule == "errors" else 10)
        return rows.with_columns(pl.when(after & share).then(BREAKS[rule]).otherwise(pl.col(column)).alias(column))
    if rule == "little-traffic":
        return rows.filter(~after | (pl.col("trace_id").hash(1) % 20 == 0))
    more = [rows.filter(after).with_columns(trace_id=pl.col("trace_id") + f"-{i}") for i in range(9)]
    return pl.concat([rows, *more]).sort("time")


@pytest.mark.statistics
@pytest.mark.parametrize("rule", [*BREAKS, "little-traffic", "much-traffic"])
def test_what_breaks_is_told(rule: str) -> None:
    """Times three, 30 % errors, cost times four, one turn in twenty, ten times the turns; three mornings each."""
    waits = []
    for seed in range(3):
        at = START + 16 * DAY + timedelta(hours=10)
        rows = broken(turns(3, seed), rule, at)
        first = next((when for when, named in looks(rows, at, at + DAY) if named == rule), None)
        waits.append(None if first is None else (first - at).total_seconds() / 3600)
    print(f"\n{rule}: told after {waits} hours")
    assert None not in waits
    assert max(wait for wait in waits if wait is not None) <= (24 if rule == "spending" else 4)
