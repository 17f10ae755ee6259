"""Turns that come late, twice or with a wrong clock: no exception, no false finding, and what is not counted is named."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift import decide_drift
from monitor.drift.tracker import after_silence
from tests.drift.traffic import START, STEP, Watch, at, flags, turns

SETTINGS = DriftSettings(timezone="none")


def skipped(watch: Watch) -> int:
    return sum(json.loads(state).get("skipped", 0) for key, state in watch.states.items() if key != "memory")


def test_a_late_output_comes_after_no_silence() -> None:
    minute = 60_000
    late = np.array([0, 1, 2, 3, -60 * 24 * 30, 4], dtype=np.int64) * minute
    assert np.isfinite(after_silence(late)).all()
    assert after_silence(late)[4] == 0


def test_one_recent_turn_then_older_ones_with_a_change() -> None:
    """The import of history while the agent runs: the change is found, where it was."""
    values = flags(5, (400, 0.05), (300, 0.6))
    older = turns({"rule:refusal": values})
    recent = turns({"rule:refusal": [0.0]}, start=20_000)
    watch = Watch(SETTINGS)
    watch.feed(recent)
    watch.feed(older, 50)
    [found] = watch.findings
    assert found.since_low - 10 * STEP <= at(400) <= found.since_high + 10 * STEP


def test_turns_of_before_a_known_change_do_not_look_like_a_change_back() -> None:
    rows = turns({"rule:refusal": flags(6, (700, 0.05), (700, 0.6))})
    late = turns({"rule:refusal": flags(7, (400, 0.05))}).with_columns(unit_id=pl.concat_str(pl.lit("l"), "unit_id"))
    watch = Watch(SETTINGS)
    watch.feed(rows, 100)
    assert len(watch.findings) == 1
    watch.feed(late, 100)
    assert len(watch.findings) == 1
    assert skipped(watch) == 400


@pytest.mark.parametrize("wrong", [datetime(2300, 1, 1), datetime(1971, 1, 1), datetime(1, 1, 1)])  # noqa: DTZ001 - as stored
def test_one_wrong_clock_moves_nobody(wrong: datetime) -> None:
    rows = turns({"rule:refusal": flags(8, (1000, 0.05), (300, 0.6))})
    bad = pl.when(pl.int_range(pl.len()).is_in([3, 400, 900]))
    rows = rows.with_columns(time=bad.then(pl.lit(wrong)).otherwise("time").cast(pl.Datetime("us")))
    states: dict[str, str] = {}
    findings = []
    for start in range(0, rows.height, 50):
        part = rows.slice(start, 50)
        outcome = decide_drift(states, part, SETTINGS, aware_utc(START + (start + 50) * STEP))
        states |= outcome.states
        findings += outcome.findings
    [found] = findings
    assert abs(found.since - at(1000)) < 60 * STEP
    assert found.detected_at <= at(1300)


@pytest.mark.parametrize("orders", [2, pytest.param(40, marks=pytest.mark.statistics)])
def test_any_order_of_quiet_traffic_is_quiet(orders: int) -> None:
    """Fifty streams: blocks that come late and shuffled raise nothing and break nothing."""
    raised = 0
    for seed in range(orders):
        rng = np.random.default_rng(seed)
        columns = {f"rule:{n}": flags(1000 * seed + n, (900, 0.02 + 0.9 * n / 50)) for n in range(50)}
        rows = turns(columns)
        order = np.argsort(np.arange(900) + rng.choice([0, 40, 500], 900, p=[0.8, 0.15, 0.05]) * rng.random(900))
        watch = Watch(DriftSettings(timezone="none", max_streams=60))
        watch.feed(rows[order], int(rng.choice([30, 90, 300])))
        raised += len(watch.findings)
    assert raised == 0


def test_late_turns_within_the_reference_are_evidence() -> None:
    watch = Watch(SETTINGS)
    rows = turns({"rule:refusal": flags(9, (600, 0.05))})
    even = rows.gather_every(2)
    odd = rows.gather_every(2, 1)
    watch.feed(even, 100)
    watch.feed(odd, 100)
    [stream] = [json.loads(state) for key, state in watch.states.items() if key != "memory"]
    assert (stream["seen"], stream["skipped"]) == (600, 0)
    assert watch.findings == []
    assert timedelta(milliseconds=stream["last"] - stream["born"]) == 599 * STEP
