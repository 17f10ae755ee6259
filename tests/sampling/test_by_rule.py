"""Rules are asked as often as their policy and the house want, with probabilities that stay known, and rates stay right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from monitor.backfill import Gap, backfill, cost, grade_now
from monitor.clock import FakeClock
from monitor.config.schema import SamplingSettings, Settings
from monitor.explaining import draws, redrawn, ungraded
from monitor.planning import Eagerness, plans_of
from monitor.sampling import OTHERS, Plan, Rates, plan_of, position
from monitor.steps import House
from monitor.store.opening import Store
from monitor.weighing import spared, weighted
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, spooled

NOW = START + timedelta(days=1)
AT = START.replace(tzinfo=None)
rates = st.floats(0.0, 1.0)


def test_weights_at_a_full_rate_change_nothing() -> None:
    settings = SamplingSettings()
    assert plans_of(settings, {}, {}, [Eagerness("R-1", 5.0), Eagerness("R-2", 1.0)]) == [plan_of(settings)]


def test_an_eager_rule_is_asked_so_much_more_often_and_others_as_before() -> None:
    [plan] = plans_of(SamplingSettings(rate=0.1, strata={"shop": 0.3}), {}, {}, [Eagerness("R-1", 5.0)])
    assert plan.rates_of("R-1").of("bank") == pytest.approx(0.5)
    assert plan.rates_of("R-1").of("shop") == 1.0
    assert [plan.rates_of("R-2").of(app) for app in ("bank", "shop")] == [0.1, 0.3]
    assert [plan.rates_of(None).of(app) for app in ("bank", "shop")] == [pytest.approx(0.5), 1.0]


def test_a_weight_holds_in_the_apps_of_its_policy_alone() -> None:
    [plan] = plans_of(SamplingSettings(rate=0.1), {}, {}, [Eagerness("R-1", 5.0, ("shop",))])
    assert [plan.rates_of("R-1").of(app) for app in ("bank", "shop")] == [0.1, 0.5]
    assert [plan.rates_of(None).of(app) for app in ("bank", "shop")] == [0.1, 0.5]


def test_a_rate_of_a_rule_stands_over_its_weight_and_a_quota_over_both() -> None:
    settings = SamplingSettings(rules={"R-1": 0.02, "shop/R-1": 0.2}, quota=50)
    [plan] = plans_of(settings, {"small": 200, "large": 100_000}, {}, [Eagerness("R-1", 5.0)])
    asked = {app: plan.rates_of("R-1").of(app) for app in ("shop", "bank", "small", "large")}
    assert asked == {"shop": 0.2, "bank": 0.02, "small": 0.25, "large": 0.02}
    assert plan.rates_of(None).of("bank") == 1.0


@given(rates, st.dictionaries(st.sampled_from(["R-1", "shop/R-1", "R-2"]), rates), st.floats(0.01, 20), rates)
def test_no_rule_is_asked_more_often_than_turns_are_picked(
    rate: float, rules: dict[str, float], weight: float, shop: float
) -> None:
    settings = SamplingSettings(rate=rate, strata={"shop": shop}, rules=rules)
    [plan] = plans_of(settings, {}, {}, [Eagerness("R-2", weight)])
    for app in ("shop", "bank"):
        usual = {"shop": shop}.get(app, rate)
        asked = {rule: plan.rates_of(rule).of(app) for rule in ("R-1", "R-2", "R-3")}
        assert asked["R-3"] == usual
        assert asked["R-1"] == rules.get(f"{app}/R-1", rules.get("R-1", usual))
        assert plan.rates_of(None).of(app) == max(asked.values())


def picked(plans: list[Plan], n: int) -> pl.DataFrame:
    units = [f"{number:032x}" for number in range(n)]
    turns = {"unit_id": units, "seq": range(1, n + 1), "app": ["shop"] * n, "model": ["m"] * n}
    rows = pl.DataFrame(turns).with_columns(time=pl.lit(AT))
    drawn = [(s.unit_id, s.plan, s.inclusion_probability) for plan in plans for s in plan.draw(rows, NOW)]
    told = pl.DataFrame(drawn, schema=["unit_id", "plans", "p"], orient="row").group_by("unit_id")
    return rows.join(told.agg("plans", inclusion_probability=1 - (1 - pl.col("p")).product()), on="unit_id")


def test_the_probability_of_a_rule_is_that_of_all_plans_together() -> None:
    plans = [
        Plan("live", 1, 0.8, rules={"R-1": Rates(0.2), OTHERS: Rates(0.4)}),
        Plan("new", 2, 0.0, {"m": 0.5}, column="model"),
    ]
    turns, known = picked(plans, 4_000), [(1, plan) for plan in plans]
    rules = pl.DataFrame({"rule_id": ["R-1", "R-2"]})
    found = weighted(turns.join(rules, how="cross"), known)
    left = spared(turns, known, ["R-1", "R-2"])
    for rule, rate in (("R-1", 0.2), ("R-2", 0.4)):
        rows = found.filter(pl.col("rule_id") == rule)
        asked = rows.drop_nulls("inclusion_probability")
        assert set(asked["inclusion_probability"].round(12)) == {round(1 - (1 - rate) * 0.5, 12)}
        assert abs(asked.height / 4_000 - (1 - (1 - rate) * 0.5)) < 0.03
        assert set(asked["unit_id"]) == {unit for unit in turns["unit_id"] if rule not in left.get(unit, ())}


def test_nothing_is_spared_where_no_plan_names_a_rule() -> None:
    plans = [Plan("live", 1, 0.5)]
    assert spared(picked(plans, 50), [(1, plan) for plan in plans], ["R-1"]) == {}


def records(n: int) -> Iterator[dict[str, Any]]:
    for number in range(n):
        refuses = "I'm sorry, but I cannot help with that request."
        yield {
            "id": f"t{number}",
            "time": (START + timedelta(minutes=number / 2)).isoformat(),
            "app": "shop",
            "input": "Where is my parcel?",
            "output": refuses if number % 4 == 0 else "It left this morning and comes tomorrow before noon.",
        }


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder: Path = tmp_path_factory.mktemp("by rule")
    settings = Settings(sampling=SamplingSettings(rules={"HELP-01": 0.3}))
    found = open_agent(settings, folder / "data", FakeClock(NOW))
    spooled(folder / "data" / "spool", records(600))
    found.settle()
    found.cycle()
    yield found
    found.close()


@pytest.fixture(scope="module")
def house(agent: Agent) -> House:
    return House(agent.store, agent.settings, agent.policies, agent.clock, None)


def rows(agent: Agent, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = agent.sql(sql, 5000).table.to_pylist()
    return found


def verdicts_of(agent: Agent, rule: str) -> set[str]:
    return {row["unit_id"] for row in rows(agent, f"SELECT unit_id FROM grades WHERE rule_id = '{rule}'")}


def test_a_rule_with_a_rate_of_its_own_is_asked_of_its_share_and_others_of_all(agent: Agent) -> None:
    seed = agent.settings.sampling.seed
    all_turns = {row["trace_id"] for row in rows(agent, "SELECT trace_id FROM turns")}
    assert verdicts_of(agent, "HELP-01") == {unit for unit in all_turns if position(unit, seed) < 0.3}
    others = {row["rule_id"] for row in rows(agent, "SELECT DISTINCT rule_id FROM grades WHERE rule_id <> 'HELP-01'")}
    assert others
    assert all(verdicts_of(agent, rule) == all_turns for rule in others)


def test_its_rate_is_right_and_names_how_many_it_rests_on(agent: Agent) -> None:
    told = rows(
        agent,
        "SELECT sum(value * n_units) / sum(n_units) AS rate, sum(n_graded) AS n, sum(n_units) AS of FROM estimates "
        "WHERE rule_id = 'HELP-01' AND segment = 'all'",
    )[0]
    assert told["of"] == 600
    assert told["n"] == len(verdicts_of(agent, "HELP-01"))
    assert 0.15 < told["rate"] < 0.35  # the truth is a quarter


def test_the_draw_that_decided_is_told_with_its_number(agent: Agent, house: House) -> None:
    seed = agent.settings.sampling.seed
    unit = next(
        row["trace_id"]
        for row in rows(agent, "SELECT trace_id FROM turns ORDER BY 1")
        if position(row["trace_id"], seed) >= 0.3
    )
    [line] = draws(agent.store, unit)
    assert f"its number {position(unit, seed):.6f}" in line
    assert "HELP-01 is not asked (rate 0.3)" in line
    why = {one["rule_id"]: one["why"] for one in ungraded(agent.store, house.policies, unit)}
    assert why["HELP-01"].startswith("it was not picked for this rule: its number 0.")
    assert "is not below the rate 0.3 of the rule" in why["HELP-01"]


def test_however_many_rules_have_no_verdict_the_store_is_asked_as_often(
    agent: Agent, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit, asked, frame = next(iter(verdicts_of(agent, "PRIV-01"))), list[str](), Store.frame

    def counted(store: Store, sql: str, params: Any = None) -> pl.DataFrame:
        asked.append(sql)
        return frame(store, sql, params)

    monkeypatch.setattr(Store, "frame", counted)
    reads = []
    for most in (1, 5):
        [policy] = house.policies
        others = replace(
            policy,
            rules=tuple(
                replace(rule, text=structs.replace(rule.text, id=f"NEW-{rule.id}")) for rule in policy.rules[:most]
            ),
        )
        why = [one["why"] for one in ungraded(agent.store, [others], unit)]
        assert why == [f"policy {policy.id} {policy.version} came into force after it was graded"] * most
        reads.append(len(asked))
        asked.clear()
    assert reads[0] == reads[1]


def test_what_each_rule_is_asked_of_is_drawn_again(agent: Agent) -> None:
    found = redrawn(agent.store, AT, NOW.replace(tzinfo=None))
    n = len(verdicts_of(agent, "HELP-01"))
    assert found["rules"] == [{"rule": "HELP-01", "asked": n, "judged": n}]


def test_a_backfill_has_nothing_to_do_and_grading_now_moves_no_rate(agent: Agent, house: House) -> None:
    gap = Gap(AT, NOW.replace(tzinfo=None), ("HELP-01",))
    assert cost(house, gap)["turns"] == 0
    before = rows(agent, "SELECT value, n_graded FROM estimates WHERE rule_id = 'HELP-01' ORDER BY ALL")
    seed, refused = (
        agent.settings.sampling.seed,
        "SELECT trace_id FROM calls WHERE output_text LIKE '%sorry%' ORDER BY 1",
    )
    unit = next(r["trace_id"] for r in rows(agent, refused) if position(r["trace_id"], seed) >= 0.3)
    assert "HELP-01" in grade_now(house, unit)["violates"]
    agent.cycle()
    assert rows(agent, "SELECT value, n_graded FROM estimates WHERE rule_id = 'HELP-01' ORDER BY ALL") == before
    assert backfill(house, gap, lambda *_: None, house.guard("x"))["grades"] == 0
