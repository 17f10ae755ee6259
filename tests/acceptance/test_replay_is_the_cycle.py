"""A replay, which lives through its steps in arrays, decides what the cycle decides when it is run step by step over the same turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alerts.desk import AlertDesk
from monitor.clock import FakeClock, naive_utc
from monitor.config.schema import BaselineSettings, DriftSettings, SamplingSettings, Settings
from monitor.cycle import run_cycle
from monitor.replay import Plan, run_replay
from monitor.steps import House, watch
from monitor.store.opening import Store
from monitor.store.replayed import feed, forget_texts
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, SWAP, records, spooled

END = START + timedelta(days=14)
DRIFT = DriftSettings(baseline=BaselineSettings(first=40, outputs=120), timezone="none")
DECIDED = {
    "samples": ["unit_id", "plan"],
    "grades": ["unit_id", "rule_id"],
    "estimates": ["rule_id", "app", "segment", "window_start"],
    "comparisons": ["app", "experiment", "metric", "arm"],
    "findings": ["id"],
    "plans": ["since", "plan"],
}


@pytest.fixture
def agent(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Agent]:
    """An agent whose turns came as they happened, some of them to the minute of a step, and that has never looked at them."""
    sampling: SamplingSettings = request.param
    found = open_agent(Settings(sampling=sampling, drift=DRIFT), tmp_path, FakeClock(END))
    spooled(found.places.spool, records(320))
    found.settle()
    with found.store.transaction() as txn:
        txn.execute(
            "UPDATE base.turns SET finished_at = time + INTERVAL 5 SECOND, cost_usd = 0.01, duration_ms = 800 + seq % 90"
        )
        if sampling.quota:  # here the model keeps its name and is served otherwise
            txn.execute("UPDATE base.turns SET model = 'm'")
        txn.execute(f"UPDATE base.spans SET fingerprint = if(time < TIMESTAMP '{naive_utc(SWAP)}', 'fp_a', 'fp_b')")
    yield found
    found.close()


def step_by_step(agent: Agent, desk: AlertDesk, step: timedelta) -> dict[str, pl.DataFrame]:
    """What the cycle decides, run on a scratch store that is fed step by step."""
    clock = FakeClock(START)
    scratch = Store.scratch(clock)
    house = House(scratch, agent.settings, [p.about({"turn"}) for p in agent.policies], clock, desk)
    before, fed, moment = START - timedelta(microseconds=1), 0, START
    while moment < END:
        moment = min(moment + step, END)
        clock.move_to(moment)
        new = feed(agent.store, scratch, fed, naive_utc(before), naive_utc(moment))
        fed, before = fed + new, moment
        if new:
            run_cycle(house)
            forget_texts(scratch)
        elif fed:
            watch(house)
    tables = decided(scratch)
    scratch.close()
    return tables


def decided(store: Store) -> dict[str, pl.DataFrame]:
    return {name: store.frame(f"SELECT * FROM base.{name}").sort(keys) for name, keys in DECIDED.items()}


def alike(one: Any, other: Any) -> None:
    """Equal, numbers to a billionth."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert a[key] == (pytest.approx(b[key], rel=1e-9, abs=1e-12) if isinstance(b[key], float) else b[key]), key


@pytest.mark.parametrize(
    ("agent", "step"),
    [
        (SamplingSettings(rate=0.8), timedelta(hours=31, minutes=7)),
        (SamplingSettings(rate=0.5, quota=20, changed=0.9), timedelta(hours=60)),
    ],
    indirect=["agent"],
)
@pytest.mark.slow
def test_the_same_is_found_estimated_and_told(agent: Agent, step: timedelta) -> None:
    slow, quick = agent.desk.rehearsal(), agent.desk.rehearsal()
    expected = step_by_step(agent, slow, step)

    def furnish(scratch: Store, clock: FakeClock) -> House:
        return House(scratch, agent.settings, agent.policies, clock, quick)

    kept: dict[str, pl.DataFrame] = {}

    def keeping(scratch: Store, clock: FakeClock) -> House:
        house = furnish(scratch, clock)
        close = scratch.close

        def closing() -> None:
            kept.update(decided(scratch))
            close()

        scratch.close = closing  # type: ignore[method-assign]  # what a replay leaves behind, before it is merged
        return replace(house, store=scratch)

    run_replay(agent.store, keeping, Plan(START, END, step), lambda _share, _word: None)
    assert kept["findings"].height
    assert kept["estimates"].height
    assert any(alert["rule_id"] == "drift" for alert in quick.history())
    for name, rows in expected.items():
        alike(kept[name].to_dicts(), rows.select(kept[name].columns).to_dicts())
    alike(quick.history(), slow.history())
    slow.close()
    quick.close()
