"""Judges under faults: killed at random moments, slow with fifty calls at once, and dead in every way of dying."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.clock import FakeClock
from monitor.config.schema import JudgeSettings
from monitor.judges.purse import ceiling_of
from monitor.places import Places
from monitor.state import ControlState, judge_spend
from plumbline.agent import Agent
from plumbline.demo.stubs.judge import JudgeStub, Mode, a_judge
from tests.acceptance.traffic import spooled
from tests.faults.judging import AT, CALLS
from tests.judges.support import PADDED, PLAIN, RULE, a_house, judge, judge_waiting, later, standing, states, turns
from tests.judges.test_judged_streams import WITH_EXAMPLES
from tests.judges.test_judging import FAULTS
from tests.support.house import a_house as running_house
from tests.support.waiting import becomes

pytestmark = pytest.mark.faults
KILLS = 100
AGENT_KILLS = 15
A_DAY = 500
SEED = 20261128
TWO_CYCLES_S = 60.0
PASS_S = 2.0


@pytest.fixture
def stub() -> Iterator[JudgeStub]:
    with a_judge() as found:
        yield found


def test_no_kill_makes_a_budget_forget_a_call(
    stub: JudgeStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.mode, stub.slow_s = "slow", 0.05
    command = [sys.executable, "-m", "tests.faults.judging", str(tmp_path), stub.url, str(KILLS), str(SEED)]
    killed = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    opened = ControlState.open(tmp_path / "plumbline.sqlite", FakeClock(AT))
    with contextlib.closing(opened) as state, state.transaction() as txn:
        spent = judge_spend.of_day(txn, AT.date().isoformat())["small"]
    with capsys.disabled():
        print(
            f"\n{killed} kills: {spent['calls']} calls reserved of {CALLS}, {stub.served} came, {spent['open']} never settled"
        )
    assert killed >= KILLS * 0.7, "most children were killed at work"
    assert stub.served <= spent["calls"] == CALLS
    assert stub.served >= CALLS - spent["open"], "what was settled had come"
    assert spent["open"] > KILLS // 2, "kills met calls under way; how many goes by how busy the machine is"


def test_fifty_calls_at_once_keep_a_slow_judge_busy(
    stub: JudgeStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.mode, stub.slow_s = "slow", 1.0
    with a_house(tmp_path, {"small": judge(stub, concurrency=50)}, [PLAIN] * 500) as agent:
        began = time.monotonic()
        done = judge_waiting(agent)
        assert done == 500, states(agent)
        took = time.monotonic() - began
        with capsys.disabled():
            print(
                f"\n500 calls of {stub.slow_s:g} s, 50 at once: {took:.1f} s, busiest {stub.busiest}, {500 * stub.slow_s / took / 50:.0%} of the time of all fifty"
            )
        assert stub.busiest == 50


def died(agent: Agent, cause: str, patience_s: float = PASS_S) -> float | None:
    """Return after how many seconds of the clock the death was told with its cause, None where it never was."""
    passed = 0.0
    while passed <= TWO_CYCLES_S:
        judge_waiting(agent)
        if cause in agent.watch.unwell().get("judge small", ""):
            return passed
        passed += patience_s
        later(agent, patience_s)
    return None


@pytest.mark.parametrize("waiting", [1, 10])
def test_every_death_is_told_within_two_cycles_with_its_cause(
    waiting: int, stub: JudgeStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, float | None] = {}
    with a_house(tmp_path, {"small": judge(stub, concurrency=2)}, [PADDED] * waiting) as agent:
        small = agent.judges.judges["small"]
        alive: JudgeSettings = small.settings
        modes: dict[Mode, str] = FAULTS | ({"refuses": "its replies are no verdicts"} if waiting > 1 else {})
        for mode, cause in modes.items():
            stub.mode = mode
            small.breaker.worked()
            small.settings = replace(alive, timeout="0.2s" if mode == "hang" else "60s")
            told[mode] = died(agent, cause, PASS_S + (20.0 if mode == "hang" else 0.0))
            later(agent, 700)
        stub.mode, small.settings = "ok", alive
        small.breaker.worked()
        small.purse = type(small.purse)(
            small.purse.state, "small", ceiling_of(replace(alive, budget=replace(alive.budget, calls_per_day=0))), None
        )
        told["budget"] = died(agent, "its budget of the day is used up")
        assert "complies" not in standing(agent)
        assert "ok" not in states(agent)
    with capsys.disabled():
        late = [mode for mode, after in told.items() if after is None]
        print(
            f"\n{len(told)} deaths with {waiting} waiting: {len(told) - len(late)} told, the last after {max(s or 0 for s in told.values()):g} s; not told: {late}"
        )
    assert None not in told.values(), told


def test_no_kill_of_a_whole_agent_makes_a_budget_forget_a_call(
    stub: JudgeStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.mode, stub.slow_s = "slow", 0.2
    rng = random.Random(SEED)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "policy.yaml").write_text(WITH_EXAMPLES)
    budget = {"calls_per_day": A_DAY, "rules": {RULE: A_DAY - 100}}
    small = {"url": f"{stub.url}/v1", "model": "stub-1", "budget": budget, "canary": {"at_most": 0.5}, "concurrency": 4}
    settings: dict[str, Any] = {
        "policies": str(tmp_path / "policies"),
        "judges": {"small": small},
        "judge_texts": {"apps": ["shop"]},
        "sampling": {"rules": {RULE: 1.0}},
    }
    outputs = [f"{PLAIN} {number}" for number in range(A_DAY)]
    spooled(tmp_path / "data" / "spool", turns(outputs, datetime.now(UTC)), datetime.now(UTC))
    with running_house(tmp_path / "data", "agent", agent={"cycle_every": "1s"}, **settings) as house:
        for _ in range(AGENT_KILLS):
            came = stub.served
            becomes(lambda came=came: stub.served > came, 20, 0.05)  # type: ignore[misc]  # the killed one is at work
            time.sleep(rng.uniform(0.0, 1.0))
            house.kill("agent")
        becomes(
            lambda: stub.busy == 0 and house.sql("SELECT count(*) FROM judge_calls WHERE state = 'budget'")[0][0] > 0,
            60,
            0.5,
        )
        calls = house.sql(
            "SELECT known IS NOT NULL, count(*) FROM judge_calls WHERE state = 'ok' GROUP BY 1 ORDER BY 1"
        )
        doubled = house.sql("SELECT count(*) - count(DISTINCT unit_id) FROM grades WHERE grader = 'judge:small'")[0][0]
        told = house.log("agent")
    with contextlib.closing(sqlite3.connect(Places(tmp_path / "data").control)) as control:
        days = control.execute("SELECT judge, day, calls FROM judge_spend").fetchall()
    reserved, of_rule = (sum(n for name, _, n in days if name == whose) for whose in ("small", f"small/{RULE}"))
    with capsys.disabled():
        print(
            f"\n{AGENT_KILLS} kills of an agent: {reserved} calls reserved of {A_DAY} a day, {of_rule} of {A_DAY - 100} for its rule, "
            f"{stub.served} came; written (known, n): {calls}, {doubled} verdicts twice"
        )
    assert all(n <= (A_DAY if name == "small" else A_DAY - 100) for name, _, n in days), days
    assert AGENT_KILLS < stub.served <= of_rule <= reserved
    assert doubled == 0
    assert "Traceback" not in told
