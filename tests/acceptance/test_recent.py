"""What is kept of recent turns says the same as reading everything anew, whatever comes between two looks."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import EstimateSettings, SamplingSettings, Settings
from monitor.estimates import estimate_told
from monitor.labels import read_labels
from monitor.model.values import Estimate
from monitor.recent import Recent, turns_of
from monitor.store.reads import unit_counts
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled
from tests.support.plain_rates import plain_observations, plain_rates

END = START + timedelta(days=14)
RATES = EstimateSettings(window="1d", segments=("model", "variant"))
HOUSE = Settings(estimates=RATES, sampling=SamplingSettings(rate=0.7))
NAIVE = START.replace(tzinfo=None)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    found = open_agent(HOUSE, tmp_path_factory.mktemp("house"), FakeClock(END))
    take(found, 200, 7)
    return found


def take(agent: Agent, turns: int, seed: int) -> None:
    spooled(agent.places.spool, ({**row, "id": f"s{seed}-{row['id']}"} for row in records(turns, seed=seed)))
    agent.settle()
    agent.cycle()


def label(agent: Agent, seed: int) -> None:
    units = agent.store.frame("SELECT unit_id FROM base.samples ORDER BY unit_id")["unit_id"].to_list()
    picked = random.Random(seed).sample(units, 40)
    rows = [{"unit_id": unit, "rule_id": "HELP-01", "verdict": "violates"} for unit in picked]
    planned = [{**row, "plan": "p", "inclusion_probability": 0.3} for row in rows[:30]] + rows[30:]
    agent.labels().take(f"person{seed}", read_labels(planned))
    agent.cycle()


def erase(agent: Agent, seed: int) -> None:
    users = agent.store.frame("SELECT DISTINCT user_id AS u FROM base.turns ORDER BY u")["u"].to_list()
    agent.erase("user", random.Random(seed).choice(users))


ACTS = {"traffic": lambda agent, seed: take(agent, 40, seed), "labels": label, "erasure": erase}


def close(found: list[Estimate], expected: list[Estimate]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.rule_id, one.app, one.segment, one.window_start) == (
            other.rule_id,
            other.app,
            other.segment,
            other.window_start,
        )
        assert (one.n_graded, one.n_units, one.n_human, one.method) == (
            other.n_graded,
            other.n_units,
            other.n_human,
            other.method,
        )
        assert (one.value, one.low, one.high) == pytest.approx(
            (other.value, other.low, other.high), rel=1e-9, abs=1e-12
        )


def rates(recent: Recent, agent: Agent, start: datetime, end: datetime, ending: datetime | None) -> list[Estimate]:
    said = recent.told(agent.store, RATES, start, end)
    return estimate_told(said, turns_of(agent.store, RATES, start, end, ending), RATES, ending=ending)


def same(recent: Recent, agent: Agent, end: datetime) -> None:
    start = end - timedelta(days=1)
    close(rates(recent, agent, start, end, end), plain_rates(agent.store, RATES, start, end, end))
    days = NAIVE + timedelta(days=9), NAIVE + timedelta(days=12)
    close(rates(recent, agent, *days, None), plain_rates(agent.store, RATES, *days, None))
    assert recent.observations(agent.store, RATES, start, end).equals(plain_observations(agent.store, start, end))


@pytest.mark.parametrize("acts", [3, pytest.param(60, marks=pytest.mark.statistics)])
def test_rates_and_observations_are_those_of_reading_everything(agent: Agent, acts: int) -> None:
    rng, recent = random.Random(acts), Recent()
    end = NAIVE + timedelta(days=rng.uniform(2, 14))
    same(recent, agent, end)
    for act in [*rng.sample(sorted(ACTS), 3), *rng.choices(sorted(ACTS), k=acts - 3)]:
        ACTS[act](agent, rng.randrange(10**6))
        end += timedelta(minutes=rng.uniform(-60, 60))
        same(recent, agent, end)


def test_turns_are_counted_as_if_one_by_one(agent: Agent) -> None:
    end = NAIVE + timedelta(days=9, hours=5)
    found = turns_of(agent.store, RATES, NAIVE, end, end)
    assert found["n"].sum() == unit_counts(agent.store, NAIVE, end).height
