"""SIGTERM and `kill -9` at random moments of loading, grading, estimating, comparing and delivering: nothing lost, nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.labels import read_labels
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.test_arrival_orders import DECIDED, END, SETTINGS, close_to
from tests.acceptance.traffic import records, spooled

KILLS = 100
SEED = 20261128
GRACE_S = 10.0
A_BATCH = 40


def started(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.cycling", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.stdout.close()
    return child


def outputs(agent: Agent) -> dict[str, list[dict[str, Any]]]:
    agent.settle()
    agent.cycle()
    found = {name: agent.sql(query, 200_000).table.to_pylist() for name, query in DECIDED.items()}
    found["ledger"] = [{"stored": row["stored"]} for row in found["ledger"]]
    return found


def say(agent: Agent, person: str) -> int:
    """Labels on twenty turns."""
    asked = "SELECT unit_id FROM samples ORDER BY unit_id LIMIT 20"
    units = [row["unit_id"] for row in agent.sql(asked, 20).table.to_pylist()]
    rows = [
        {"unit_id": unit, "rule_id": "HELP-01", "verdict": "violates", "plan": "p", "inclusion_probability": 0.5}
        for unit in units
    ]
    return agent.labels().take(person, read_labels(rows))["new"]


@pytest.mark.faults
def test_a_stop_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    rows = list(records(KILLS * A_BATCH))
    folder, took = tmp_path / "killed", list[float]()
    for number in range(KILLS):
        spooled(folder / "spool", iter(rows[number * A_BATCH : (number + 1) * A_BATCH]))
        child = started(folder)
        time.sleep(rng.uniform(0.0, 1.5))
        how = rng.choice([signal.SIGTERM, signal.SIGKILL])
        began = time.monotonic()
        child.send_signal(how)
        code = child.wait(60)
        if how == signal.SIGTERM:
            took.append(time.monotonic() - began)
            assert code == 0
        if number == KILLS // 2:
            agent = open_agent(SETTINGS, folder, FakeClock(END), repair=True)
            agent.settle()
            agent.cycle()
            assert say(agent, "ana") == 20
            agent.close()
    killed = open_agent(SETTINGS, folder, FakeClock(END), repair=True)
    found = outputs(killed)
    twice = (
        killed.sql("SELECT count(*) - count(DISTINCT (unit_id, rule_id, grader)) AS n FROM grades", 1)
        .table["n"][0]
        .as_py()
    )
    keys = killed.sql("SELECT count(*) - count(DISTINCT key) AS n FROM notifications", 1).table["n"][0].as_py()
    labels = killed.sql("SELECT count(*) AS n FROM grades WHERE grader = 'human:ana'", 1).table["n"][0].as_py()
    told = killed.sql("SELECT unit_id, time FROM grades WHERE grader = 'human:ana'", 50).table.to_pylist()
    killed.close()
    whole = tmp_path / "undisturbed"
    spooled(whole / "spool", iter(rows))
    agent = open_agent(SETTINGS, whole, FakeClock(END))
    agent.settle()
    agent.cycle()
    agent.labels().take(
        "ana",
        read_labels(
            [
                {
                    "unit_id": row["unit_id"],
                    "rule_id": "HELP-01",
                    "verdict": "violates",
                    "plan": "p",
                    "inclusion_probability": 0.5,
                }
                for row in told
            ]
        ),
    )
    expected = outputs(agent)
    agent.close()
    print(
        f"\nseed {SEED}: {KILLS} stops, {len(took)} by SIGTERM, exit after at most {max(took):.1f} s; {len(found['grades'])} grades, "
        f"{twice} doubled, {labels} labels, {keys} messages doubled"
    )
    assert (twice, keys, labels) == (0, 0, 20)
    for name in expected:
        assert close_to(found[name], expected[name]), name
    assert max(took) < GRACE_S
