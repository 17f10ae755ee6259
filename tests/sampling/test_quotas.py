"""Small apps and what is new are graded more often, with probabilities that stay known, so that rates stay right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import FakeClock
from monitor.config.schema import SamplingSettings, Settings
from monitor.explaining import redrawn
from monitor.planning import plans_of
from monitor.sampling import plan_of
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, spooled

NOW = START + timedelta(days=3)


def test_without_quotas_the_plan_is_the_one_of_before() -> None:
    settings = SamplingSettings(rate=0.25, strata={"a": 0.5})
    assert plans_of(settings, {"a": 10, "b": 10}, {"model": ["m"]}) == [plan_of(settings)]


@given(st.integers(1, 10_000), st.integers(1, 1_000), st.floats(0.001, 1))
def test_a_quota_is_met_on_average_and_at_most_twice_exceeded(n: int, quota: int, rate: float) -> None:
    [plan] = plans_of(SamplingSettings(rate=rate, quota=quota), {"a": n}, {})
    assert plan.rates["a"] >= min(1.0, quota / n)
    assert plan.rates["a"] <= max(rate, min(1.0, 2 * quota / n))


def records(day: int, n: int, app: str, model: str) -> Iterator[dict[str, Any]]:
    for number in range(n):
        time = START + timedelta(days=day, minutes=number / 2)
        output = (
            "I'm sorry, but I cannot help with that request."
            if number % 4 == 0
            else "It left this morning and comes tomorrow before noon."
        )
        yield {
            "id": f"{app}{day}-{number}",
            "time": time.isoformat(),
            "app": app,
            "model": model,
            "input": "Where is it?",
            "output": output,
        }


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    tmp_path: Path = tmp_path_factory.mktemp("quotas")
    sampling = SamplingSettings(rate=0.05, quota=40, changed=0.5)
    found = open_agent(Settings(sampling=sampling), tmp_path / "data", FakeClock(NOW))
    for day, model in ((0, "old"), (1, "old"), (2, "new")):
        for app, n in (("large", 1500), ("small", 60)):
            spooled(tmp_path / "data" / "spool", records(day, n, app, model))
        found.settle()
        found.cycle()
    yield found
    found.close()


def rows(agent: Agent, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = agent.sql(sql, 1000).table.to_pylist()
    return found


def test_a_small_app_and_a_new_model_are_picked_more_often(agent: Agent) -> None:
    picked = {
        (row["app"], row["model"], row["plan"].partition(":")[0]): row["n"]
        for row in rows(
            agent,
            "SELECT t.app, t.model, s.plan, count(*) AS n FROM samples s JOIN turns t ON t.trace_id = s.unit_id GROUP BY ALL",
        )
    }
    assert picked["small", "old", "poisson"] == 120
    assert 60 < picked["large", "old", "poisson"] < 260
    assert 600 < picked["large", "new", "new model"] < 900
    assert ("large", "old", "new model") not in picked


def test_the_samples_are_drawn_again_by_the_plans_of_their_time(agent: Agent) -> None:
    found = redrawn(agent.store, START.replace(tzinfo=None), NOW.replace(tzinfo=None))
    assert len(found["plans"]) >= 2
    assert all(one["only_stored"] == one["only_drawn_again"] == [] for one in found["plans"])


def test_rates_stay_right_though_what_is_new_is_picked_more_often(agent: Agent) -> None:
    [rate] = rows(
        agent,
        "SELECT sum(value * n_units) / sum(n_units) AS rate FROM estimates WHERE app = 'large' AND rule_id = 'HELP-01' AND segment = 'all'",
    )
    assert 0.17 < rate["rate"] < 0.33  # the truth is a quarter
