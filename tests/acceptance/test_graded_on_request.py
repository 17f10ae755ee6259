"""A turn is explained by its draw, graded on request, and what a rule missed is filled in with its cost first: real store, real questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import SamplingSettings, Settings
from monitor.errors import NotFound, UsageError
from monitor.policy.load import load_policies
from monitor.sampling import position
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Actor, Call, silent
from plumbline.api.grading_questions import Backfill, BackfillCost, GradeNow, Redraw, WhyUngraded
from plumbline.opening import open_agent
from plumbline.people.register import ROLES
from tests.acceptance.test_policy_preview import END, answers
from tests.acceptance.traffic import spooled
from tests.policy.support import GOOD, write

ON_CALL = Call(Actor("ona", ROLES["operator"]), silent)
WEEK = (END - timedelta(days=7), END + timedelta(seconds=1))
MORE = (
    GOOD
    + "  - {id: R-3, title: Be brief, kind: should, statement: Be brief., rationale: So., graders: [{use: length, max_chars: 20}]}\n"
    + "  - {id: J-1, title: Be kind, kind: should, statement: Be kind., rationale: So., graders: [{use: judge, rubric: r.md}]}\n"
)
"""One rule more that a grader decides, and one that waits for a judge and never has a verdict."""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    (tmp_path / "policies").mkdir()
    folder = write(tmp_path / "policies", GOOD)
    settings = Settings(policies=str(folder), sampling=SamplingSettings(rate=0.5))
    found = open_agent(settings, tmp_path / "data", FakeClock(END))
    spooled(tmp_path / "data" / "spool", answers(90))
    found.settle()
    found.cycle()
    yield found
    found.close()


def asked(agent: Agent, question: Any, key: str = "") -> Any:
    return Answers(agent).answer(question, replace(ON_CALL, key=key))


def rows(agent: Agent, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = agent.sql(sql, 1000).table.to_pylist()
    return found


def left_out(agent: Agent) -> str:
    (first, *_) = rows(
        agent, "SELECT trace_id FROM turns WHERE trace_id NOT IN (SELECT unit_id FROM samples) ORDER BY 1"
    )
    return str(first["trace_id"])


def test_explain_says_which_draw_decided_with_its_number(agent: Agent) -> None:
    trace, seed = left_out(agent), agent.settings.sampling.seed
    number = position(trace, seed)
    said = f"not picked by the plan poisson:{seed}: its number {number:.6f} is not below the rate 0.5 of shop"
    assert said in agent.explain(trace)
    assert "R-1: no verdict, it was not picked to be graded" in agent.explain(trace)
    picked = rows(agent, "SELECT unit_id FROM samples ORDER BY 1")[0]["unit_id"]
    assert (
        f"picked by the plan poisson:{seed}: its number {position(picked, seed):.6f} is below the rate 0.5 of shop"
        in agent.explain(picked)
    )


def test_one_turn_is_graded_now_once_a_key_and_enters_no_rate(agent: Agent) -> None:
    trace = left_out(agent)
    rates = rows(agent, "SELECT n_graded, value FROM estimates ORDER BY ALL")
    done = asked(agent, GradeNow(trace), "key-1")
    assert done["graded"] == 2
    assert asked(agent, GradeNow(trace), "key-1") == done
    assert rows(agent, f"SELECT count(*) AS n FROM grades WHERE unit_id = '{trace}'") == [{"n": 2}]
    assert asked(agent, WhyUngraded(trace))["rules"] == []
    agent.cycle()
    assert rows(agent, "SELECT n_graded, value FROM estimates ORDER BY ALL") == rates
    assert "gradenow" in {row["act"] for row in rows(agent, "SELECT act FROM audit")}


def test_what_cannot_be_graded_now_is_said(agent: Agent) -> None:
    with pytest.raises(NotFound):
        asked(agent, GradeNow("f" * 32))
    assert asked(agent, WhyUngraded("f" * 32)) == {"draws": [], "rules": []}


def test_the_same_seed_draws_the_same_turns_and_a_changed_row_is_found(agent: Agent) -> None:
    [plan] = asked(agent, Redraw(*WEEK))["plans"]
    assert plan["stored"] == plan["drawn_again"] > 20
    assert plan["only_stored"] == plan["only_drawn_again"] == []
    trace = left_out(agent)
    with agent.store.transaction() as txn:
        txn.execute(
            "UPDATE base.samples SET unit_id = ? WHERE unit_id = (SELECT min(unit_id) FROM base.samples)", [trace]
        )
    [plan] = asked(agent, Redraw(*WEEK))["plans"]
    assert plan["only_stored"] == [trace]
    assert len(plan["only_drawn_again"]) == 1


def test_samples_of_changed_rates_are_drawn_again_by_the_plan_of_their_time(agent: Agent, tmp_path: Path) -> None:
    agent.settings = Settings(policies=agent.settings.policies, sampling=SamplingSettings(rate=0.1))
    spooled(tmp_path / "data" / "spool", ({**one, "id": f"s{n}"} for n, one in enumerate(answers(90))))
    agent.settle()
    agent.cycle()
    [plan] = asked(agent, Redraw(*WEEK))["plans"]
    assert plan["only_stored"] == plan["only_drawn_again"] == []


def test_a_rule_that_came_later_is_filled_in_with_its_cost_first(agent: Agent, tmp_path: Path) -> None:
    agent.policies = load_policies(write(tmp_path / "policies", MORE), agent.clock)
    sampled = rows(agent, "SELECT count(*) AS n FROM samples")[0]["n"]
    cost = asked(agent, BackfillCost(*WEEK, rules="R-3"))
    assert (cost["turns"], cost["grades"], cost["calls_of_judges"]) == (sampled, sampled, 0)
    assert rows(agent, "SELECT count(*) AS n FROM grades WHERE rule_id = 'R-3'") == [{"n": 0}]
    trace = rows(agent, "SELECT unit_id FROM samples ORDER BY 1")[0]["unit_id"]
    assert "came into force after it was graded" in asked(agent, WhyUngraded(trace))["rules"][0]["why"]
    assert asked(agent, Backfill(*WEEK, rules="R-3")) == {"turns": sampled, "grades": sampled}
    assert asked(agent, Backfill(*WEEK)) == {"turns": 0, "grades": 0}
    agent.cycle()
    assert rows(agent, "SELECT sum(n_graded) AS n FROM estimates WHERE rule_id = 'R-3' AND segment = 'all'") == [
        {"n": sampled}
    ]
    assert rows(agent, "SELECT count(*) AS n FROM grades WHERE rule_id = 'R-1'") == [{"n": sampled}]


def test_a_rule_that_is_not_in_force_is_one_line(agent: Agent) -> None:
    with pytest.raises(UsageError, match="no policy in force has a rule R-9"):
        asked(agent, BackfillCost(*WEEK, rules="R-9"))
    with pytest.raises(UsageError, match="ends before it begins"):
        BackfillCost(WEEK[1], WEEK[0]).check()


def test_the_place_of_what_was_found_stands_with_its_grade(agent: Agent) -> None:
    found = rows(
        agent,
        "SELECT output_text, found_from, found_to FROM grades JOIN turns ON trace_id = unit_id WHERE verdict = 'violates' AND rule_id = 'R-1'",
    )
    assert {one["output_text"][one["found_from"] : one["found_to"]] for one in found} == {"bad word"}
