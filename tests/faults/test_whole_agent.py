"""SIGTERM and `kill -9` of a whole agent at random moments of its work, with traffic coming in: nothing lost, nothing twice, and it ends in time."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.traffic import bodies
from tests.acceptance.traffic import records, spooled
from tests.faults.test_kill import Client, span_ids
from tests.faults.test_stopping import GRACE_S
from tests.support.house import House, a_house

STOPS = 15
SEED = 20261129
A_BATCH = 300
"""Turns of the assistant with two arms that lie in the spool when the agent starts again."""

UNEVEN = "SELECT rule_id, count(*), count(DISTINCT unit_id) FROM grades GROUP BY rule_id"
COUNTS = {
    "turns": "SELECT count(*), count(DISTINCT trace_id) FROM turns",
    "samples": "SELECT count(*), count(DISTINCT unit_id) FROM samples",
    "grades": "SELECT count(*), count(DISTINCT (unit_id, rule_id, grader)) FROM grades",
    "messages": "SELECT count(*), count(DISTINCT key) FROM notifications",
    "scores": "SELECT count(*), count(DISTINCT (trace_id, name)) FROM scores",
}


def counted(house: House) -> dict[str, list[int]]:
    """How many there are of each, and how many different ones."""
    return {name: [int(n) for n in house.sql(query)[0]] for name, query in COUNTS.items()}


def lags(house: House) -> list[Any]:
    return [
        house.sql("SELECT count(*) FROM turns t ANTI JOIN samples s ON s.unit_id = t.trace_id")[0][0],
        house.sql("SELECT count(*) FROM samples s ANTI JOIN grades g ON g.unit_id = s.unit_id")[0][0],
    ]


@pytest.mark.faults
def test_a_whole_agent_may_be_stopped_at_any_moment(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    rows, took, hows = list(records(STOPS * A_BATCH)), list[float](), list[str]()
    with a_house(tmp_path / "data", agent={"cycle_every": "1s"}) as house:
        clients = [Client(house, bodies(100_000, 16, seed=SEED + n, start_ns=time.time_ns())) for n in range(2)]
        threads = [threading.Thread(target=client, daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        for number in range(STOPS):
            spooled(tmp_path / "data" / "spool", iter(rows[number * A_BATCH : (number + 1) * A_BATCH]))
            time.sleep(rng.uniform(0.5, 5.0))
            hows.append(rng.choice(["SIGTERM", "SIGKILL"]))
            if hows[-1] == signal.SIGTERM.name:
                took.append(house.stop("agent"))
            else:
                house.kill("agent")
        for client in clients:
            client.stop.set()
        for thread in threads:
            thread.join(30)
        wanted = span_ids([body for client in clients for body in client.acknowledged])
        found = house.span_ids(wanted)
        house.settled("SELECT count(*) FROM turns WHERE app = 'shop'", {len(rows)})
        house.settled("SELECT count(*) FROM turns t ANTI JOIN grades g ON g.unit_id = t.trace_id", {0})
        counts, rules = counted(house), house.sql(UNEVEN)
        doubled, ledger, behind = house.doubled(), house.ledger(), lags(house)
        arms = house.sql("SELECT max(n_control + n_arm) FROM comparisons")[0][0]
        told = house.log("agent")
    print(
        f"\nseed {SEED}: {STOPS} stops, {len(took)} by SIGTERM, exit after at most {max(took):.1f} s (all: {[round(t, 1) for t in took]}); "
        f"{len(wanted)} spans acknowledged, {len(wanted - found)} lost, {doubled} doubled; {counts}, rules {rules}, users in arms {arms}"
    )
    assert len(wanted) > 500
    assert wanted <= found
    assert doubled == 0
    assert ledger["received"] == ledger["stored"] + ledger["duplicate"] + ledger["refused"]
    assert all(there == different for there, different in counts.values()), counts
    assert behind == [0, 0]
    assert len({different for rule, there, different in rules}) == 1, rules
    assert arms == len({row["user"] for row in rows})
    assert "Traceback" not in told
    assert max(took) < GRACE_S
