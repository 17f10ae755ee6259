"""What fails, fails alone: the other steps go on, people are told by a path that needs no cycle, and healing is said too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.cycle import STEPS, TURNS, Step, run_cycle
from monitor.health import Health
from monitor.steps import House, TurnBatch, marked
from monitor.store import reads
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START + timedelta(days=14))


@pytest.fixture
def agent(tmp_path: Path, clock: FakeClock) -> Iterator[Agent]:
    found = open_agent(Settings(), tmp_path, clock)
    spooled(tmp_path / "spool", records(200))
    found.settle()
    yield found
    found.close()


def house_of(agent: Agent) -> House:
    return House(agent.store, agent.settings, agent.policies, agent.clock, agent.desk, agent.health)


def broken(_: House, __: TurnBatch) -> int:
    raise ZeroDivisionError("poisoned")


def test_a_step_that_fails_holds_nobody_up_and_is_named_within_two_cycles(agent: Agent) -> None:
    poisoned = (*STEPS, Step("poison", TURNS, broken))
    for _ in range(2):
        decided = run_cycle(house_of(agent), poisoned)
    assert decided["poison"] == 0
    marks = reads.marks(agent.store)
    assert marks["compare"][0] == 200
    assert "poison" not in marks
    status = agent.status()
    assert status["ready"] is False
    [told] = status["unwell"]
    assert told["part"] == "step poison"
    assert "poisoned" in told["error"]
    agent.deliver()
    [alert] = agent.sql("SELECT rule_id, state, reason FROM alerts WHERE rule_id LIKE '%unwell'", 10).table.to_pylist()
    assert alert["state"] == "firing"
    assert "step poison" in alert["reason"]


def test_healed_it_says_so(agent: Agent, clock: FakeClock) -> None:
    for _ in range(2):
        run_cycle(house_of(agent), (*STEPS, Step("poison", TURNS, broken)))
    agent.deliver()

    def works(house: House, batch: TurnBatch) -> int:
        with marked(house.store, batch.mark):
            return 1

    clock.move_to(clock.now() + timedelta(minutes=1))
    assert run_cycle(house_of(agent), (*STEPS, Step("poison", TURNS, works)))["poison"] == 1
    agent.deliver()
    assert agent.status()["ready"] is True
    states = agent.sql("SELECT state FROM alerts WHERE rule_id LIKE '%unwell'", 10).table.to_pylist()
    assert states == [{"state": "resolved"}]


def test_what_comes_after_a_failing_step_waits_for_it(agent: Agent) -> None:
    poisoned = tuple(replace(step, run=broken) if step.name == "grade" else step for step in STEPS)
    run_cycle(house_of(agent), poisoned)
    of_scores = {"scores", "drift:scores", "compare:scores"}
    marks = {name: seq for name, (seq, _) in reads.marks(agent.store).items() if seq and name not in of_scores}
    assert marks == {"turns": 200, "sample": 200}
    assert run_cycle(house_of(agent))["grade"] > 0


def test_a_new_step_may_begin_with_now(agent: Agent) -> None:
    seen: list[int] = []

    def count(house: House, batch: TurnBatch) -> int:
        with marked(house.store, batch.mark):
            seen.append(batch.window.upto)
        return 1

    assert run_cycle(house_of(agent), (*STEPS, Step("new", TURNS, count, begins="now")))["new"] == 0
    assert seen == []


def test_a_pass_that_is_to_stop_ends_after_the_step_at_hand_and_goes_on_later(agent: Agent) -> None:
    assert run_cycle(replace(house_of(agent), stopping=lambda: True))["alerts"] == 0
    marks = {name: seq for name, (seq, _) in reads.marks(agent.store).items()}
    assert marks["sample"] == 200
    assert "compare" not in marks
    decided = run_cycle(house_of(agent))
    assert decided["sample"] == 0
    assert decided["grade"] > 0


def test_a_stop_in_the_middle_of_grading_waits_for_one_piece_and_the_rest_comes_later(
    agent: Agent,
) -> None:
    steps = tuple(replace(step, piece=50) if step.name == "grade" else step for step in STEPS)
    looks = iter([False, False, True])
    assert run_cycle(replace(house_of(agent), stopping=lambda: next(looks)), steps)["grade"] > 0
    marks = {name: seq for name, (seq, _) in reads.marks(agent.store).items()}
    assert (marks["sample"], marks["grade"]) == (200, 100)
    run_cycle(house_of(agent), steps)
    twice = "SELECT count(*) - count(DISTINCT (unit_id, rule_id)) AS n FROM base.grades"
    assert agent.store.frame(twice)["n"][0] == 0
    assert reads.marks(agent.store)["compare"][0] == 200


def test_a_failure_is_tried_at_once_then_waits_longer_and_longer(clock: FakeClock) -> None:
    health = Health(clock)
    for failures, minutes in ((1, 0), (2, 0), (3, 0.5), (4, 1), (5, 2), (20, 10)):
        while health.failures("x") < failures:
            health.failed("x", ValueError("no"))
        clock_then = clock.now() + timedelta(minutes=minutes)
        assert health.may_try("x") is (minutes == 0)
        assert health.unwell() == [] or health.unwell()[0].next_at == clock_then
