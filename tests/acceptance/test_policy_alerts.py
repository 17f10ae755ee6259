"""The policy decides who is told and how loudly: real store, real policies, real alert desk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.model.values import Grade, Verdict
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import GOOD, START, spooled

END = START + timedelta(days=14)
LEAK = "Please write to ruth.pellam@mailbox.example instead."
LONG = "A long way round. " * 80

POLICY = """apiVersion: policy/v1
policy: {id: shop, version: 1.0.0, status: STATUS, owner: customer-care}
rules:
  - id: PRIV-9
    title: Never tell one customer about another
    kind: must_not
    authority: hard
    severity: critical
    statement: Do not state the address of another person.
    rationale: It is theirs.
    graders: [{use: personal_data, kinds: [email], test_values: count}]
    thresholds: {warn_rate: 0.001, incident_rate: 0.005, zero_tolerance: true}
    incident: {category: data-leakage, page: privacy-oncall, playbook: data-leak}
  - id: TONE-9
    title: Be brief
    kind: should
    authority: advisory
    severity: critical
    statement: Stay below 900 characters.
    rationale: People read on phones.
    graders: [{use: length, max_chars: 900}]
    thresholds: {warn_rate: 0.05, incident_rate: 0.30}
"""

ALERTS = """version: 1
receivers: [{kind: console, name: log}, {kind: console, name: privacy-oncall}]
rules:
- {id: policy, title: Answers break the policy, signal: violation_rate, limits: policy, severity: error}
routes: [{to: [log]}]
"""

Open = Callable[..., Agent]


def answers(outputs: list[str]) -> Iterator[dict[str, Any]]:
    for number, output in enumerate(outputs):
        time = END - timedelta(hours=20) + timedelta(minutes=10) * number / len(outputs)
        yield {
            "id": f"r{number}",
            "time": time.isoformat(),
            "app": "shop",
            "input": f"Order {number}?",
            "output": output,
        }


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    agents: list[Agent] = []

    def build(outputs: list[str], status: str = "active") -> Agent:
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "shop.yaml").write_text(POLICY.replace("STATUS", status), encoding="utf-8")
        (tmp_path / "alerts.yaml").write_text(ALERTS, encoding="utf-8")
        settings = Settings(policies=str(tmp_path / "policies"), alerts=str(tmp_path / "alerts.yaml"))
        agents.append(open_agent(settings, tmp_path / "data", FakeClock(END)))
        spooled(tmp_path / "data" / "spool", answers(outputs))
        agents[0].settle()
        agents[0].cycle()
        return agents[0]

    yield build
    for agent in agents:
        agent.close()


def told(agent: Agent) -> dict[str, dict[str, Any]]:
    rows = agent.sql("SELECT labels, severity, state, reason, fingerprint FROM alerts", 100).table.to_pylist()
    return {json.loads(row["labels"])["rule"]: row for row in rows if "rule" in json.loads(row["labels"])}


def test_the_first_case_pages_at_once_with_itself_as_example(opened: Open) -> None:
    agent = opened([GOOD] * 60 + [LEAK] + [LONG] * 40)
    alerts = told(agent)
    leak = alerts["PRIV-9"]
    assert (leak["severity"], leak["state"]) == ("critical", "firing")
    assert leak["reason"].startswith("Never tell one customer about another: a case was found")
    case = agent.sql(
        "SELECT unit_id FROM grades WHERE rule_id = 'PRIV-9' AND verdict = 'violates'", 10
    ).table.to_pylist()
    assert any(case[0]["unit_id"] in line for line in agent.explain(leak["fingerprint"]))
    sent = agent.sql(
        "SELECT receiver FROM notifications WHERE fingerprint = ?".replace("?", f"'{leak['fingerprint']}'"), 10
    )
    assert {row["receiver"] for row in sent.table.to_pylist()} == {"log", "privacy-oncall"}


def test_an_advisory_rule_is_never_louder_than_info(opened: Open) -> None:
    brief = told(opened([LONG] * 60 + [GOOD] * 40))["TONE-9"]
    assert (brief["severity"], brief["state"]) == ("info", "firing")
    assert brief["reason"].startswith("Be brief: 60.0 % of answers of shop break this rule")
    assert "beyond the incident rate of 30.0 %" in brief["reason"]


def test_a_policy_in_shadow_grades_and_tells_nobody(opened: Open) -> None:
    agent = opened([LEAK] * 5 + [LONG] * 60, status="shadow")
    graded = agent.sql("SELECT count(*) AS n FROM grades WHERE verdict = 'violates'", 1).table.to_pylist()
    assert graded == [{"n": 65}]
    assert told(agent) == {}


def test_a_person_who_says_that_it_complies_takes_it_back(opened: Open) -> None:
    agent = opened([GOOD] * 60 + [LEAK])
    [unit] = agent.sql("SELECT unit_id, time FROM grades WHERE verdict = 'violates'", 10).table.to_pylist()
    label = Grade(
        unit["unit_id"],
        unit["time"],
        "PRIV-9",
        Verdict.COMPLIES,
        None,
        "our own shop",
        "human:ruth",
        "",
        "shop",
        "1.0.0",
        "",
        END,
    )
    with agent.store.transaction() as txn:
        txn.insert("grades", [label])
    for _ in range(3):
        agent.cycle()
    assert told(agent)["PRIV-9"]["state"] == "resolved"


def test_what_a_machine_says_after_a_person_does_not_count(opened: Open) -> None:
    agent = opened([GOOD] * 60 + [LEAK])
    [unit] = agent.sql("SELECT unit_id, time FROM grades WHERE verdict = 'violates'", 10).table.to_pylist()
    later = END + timedelta(hours=1)
    words = ((Verdict.COMPLIES, "human:ruth", END), (Verdict.VIOLATES, "personal_data", later))
    with agent.store.transaction() as txn:
        for verdict, grader, at in words:
            txn.insert(
                "grades",
                [
                    Grade(
                        unit["unit_id"], unit["time"], "PRIV-9", verdict, None, "", grader, "", "shop", "1.0.0", "", at
                    )
                ],
            )
    for _ in range(3):
        agent.cycle()
    assert told(agent)["PRIV-9"]["state"] == "resolved"


def test_a_rule_that_is_retired_ends_its_alert(opened: Open) -> None:
    agent = opened([GOOD] * 60 + [LEAK])
    agent.policies = []
    for _ in range(3):
        agent.cycle()
    assert told(agent)["PRIV-9"]["state"] == "resolved"
