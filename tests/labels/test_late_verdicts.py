"""People's verdicts, a week late: durable first, in the rates and alerts of the next cycle, and never a change of the traffic."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.clock import FakeClock
from monitor.config.schema import EstimateSettings, Settings
from monitor.errors import BadRows, UsageError
from monitor.labels import read_labels
from monitor.recent import Recent
from monitor.store.verdicts import add_verdicts
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.client import ApiClient
from plumbline.api.label_questions import AddLabels
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled
from tests.support.serving import serving

TOKEN = "t0ken"
WEEK = timedelta(days=7)
END = START + timedelta(days=14)
RULE = "HELP-01"
PLANNED = ("plan", "inclusion_probability")
ALERTS = """
version: 1
rules:
- id: too-many
  signal: violation_rate
  title: too many refusals
  severity: warning
  where: {rule: HELP-01}
  when: {op: ">", value: 0.3, stat: low}
receivers: [{kind: console, name: console}]
routes: [{to: [console]}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return kept_in(tmp_path)


def kept_in(folder: Path) -> Settings:
    rules = folder / "alerts.yaml"
    rules.write_text(ALERTS)
    return Settings(estimates=EstimateSettings(window="40d"), alerts=str(rules))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house at rest that has graded two weeks."""
    folder = tmp_path_factory.mktemp("graded")
    found = open_agent(kept_in(folder), folder / "data", FakeClock(END))
    spooled(folder / "data" / "spool", records(600, swap=None))
    found.settle()
    found.cycle()
    found.close()
    return folder / "data"


@pytest.fixture
def agent(tmp_path: Path, settings: Settings, graded: Path) -> Iterator[Agent]:
    shutil.copytree(graded, tmp_path / "data")
    found = open_agent(settings, tmp_path / "data", FakeClock(END))
    yield found
    found.close()


def rows(agent: Agent, sql: str) -> list[dict[str, Any]]:
    return agent.sql(sql, 10_000).table.to_pylist()


def labels(agent: Agent, verdict: str, n: int = 40, **fields: Any) -> list[dict[str, Any]]:
    """The labels of `n` turns that look well, as if a plan had picked every fifteenth."""
    asked = f"SELECT unit_id FROM grades WHERE rule_id = '{RULE}' AND verdict = 'complies' ORDER BY unit_id LIMIT {n}"
    planned = {"plan": "panel", "inclusion_probability": n / 600}
    return [
        {"unit_id": row["unit_id"], "rule_id": RULE, "verdict": verdict, **planned, **fields}
        for row in rows(agent, asked)
    ]


def take(agent: Agent, given: list[dict[str, Any]], person: str = "ana") -> dict[str, int]:
    return agent.labels().take(person, read_labels(given))


def rate(agent: Agent) -> dict[str, Any]:
    [found] = rows(agent, f"SELECT * FROM estimates WHERE rule_id = '{RULE}' AND segment = 'all' AND n_graded > 500")
    return found


def test_the_rate_and_its_alert_follow_in_the_next_cycle_and_drift_says_nothing(agent: Agent) -> None:
    before = rate(agent)
    assert before["high"] < 0.15
    assert rows(agent, "SELECT * FROM alerts WHERE rule_id = 'too-many' AND state = 'firing'") == []
    assert isinstance(agent.clock, FakeClock)
    agent.clock.move_to(END + WEEK)
    assert take(agent, labels(agent, "violates")) == {"new": 40, "known": 0}
    decided = agent.cycle()
    assert decided["labels"] == 40
    after = rate(agent)
    assert (after["n_human"], after["n_graded"]) == (40, before["n_graded"])
    assert after["value"] > before["value"] + 0.5
    assert after["method"].endswith("corrected by 40 human labels")
    [alert] = rows(agent, "SELECT state, reason FROM alerts WHERE rule_id = 'too-many'")
    assert alert["state"] == "firing"
    assert rows(agent, "SELECT * FROM findings") == []
    assert {**agent.cycle(), "alerts": 0} == dict.fromkeys(decided, 0), "all of it once"


def test_labels_that_a_plan_asked_for_correct_the_arms_of_an_experiment_in_the_next_cycle(agent: Agent) -> None:
    asked = f"SELECT effect, low, high, reason FROM comparisons WHERE metric = 'rule:{RULE}' ORDER BY computed_at DESC LIMIT 1"
    [before] = rows(agent, asked)
    planned = f"""SELECT g.unit_id, g.verdict, t.variant FROM grades g JOIN turns t ON t.trace_id = g.unit_id
                  WHERE g.rule_id = '{RULE}' AND g.verdict IN ('violates', 'complies') ORDER BY g.unit_id"""
    graded = rows(agent, planned)[::2]
    given = [
        {"unit_id": row["unit_id"], "rule_id": RULE, "plan": "panel", "inclusion_probability": 0.5}
        | {"verdict": "complies" if row["variant"] == "A" else row["verdict"]}
        for row in graded
    ]
    take(agent, given)
    agent.cycle()
    [after] = rows(agent, asked)
    assert f"corrected by {len(given)} human labels" in after["reason"]
    assert "corrected" not in before["reason"]
    assert abs(after["effect"]) > 0
    assert after["effect"] > before["effect"], "half of what arm A was blamed for is not so"


def test_labels_on_turns_that_somebody_chose_page_nobody_and_calm_nobody(agent: Agent) -> None:
    """What pages is the evidence of machines; chosen labels are no sample."""
    start, end = (END - timedelta(days=14)).replace(tzinfo=None), END.replace(tzinfo=None)
    asked = (agent.store, agent.settings.estimates, start, end)
    before = Recent().observations(*asked)
    chosen = labels(agent, "violates", 60)
    take(agent, [{name: value for name, value in one.items() if name not in PLANNED} for one in chosen])
    agent.cycle()
    assert Recent().observations(*asked).equals(before)
    assert before.height > 0


def test_labels_are_durable_before_the_cycle_and_outlive_the_store(agent: Agent, settings: Settings) -> None:
    take(agent, labels(agent, "violates", note="rude"))
    take(agent, labels(agent, "complies", 10), "ben")
    agent.close()
    folder = agent.places.root
    for path in folder.glob("plumbline.duckdb*"):
        path.unlink()
    again = open_agent(settings, folder, FakeClock(END + WEEK))
    try:
        again.settle()
        again.cycle()
        graders = "SELECT grader, count(*) AS n FROM grades WHERE grader LIKE 'human:%' GROUP BY grader ORDER BY grader"
        assert rows(again, graders) == [{"grader": "human:ana", "n": 40}, {"grader": "human:ben", "n": 10}]
        assert rate(again)["n_human"] == 30, "ten are contested"
        told = rows(again, "SELECT count(*) AS n, count(note) AS noted FROM labels")
        assert told == [{"n": 50, "noted": 40}]
    finally:
        again.close()


def test_a_label_names_its_plan_and_the_rule_it_was_judged_by(agent: Agent) -> None:
    take(agent, labels(agent, "violates", 1))
    agent.cycle()
    [grade] = rows(agent, "SELECT * FROM grades WHERE grader = 'human:ana'")
    assert (grade["plan"], grade["inclusion_probability"]) == ("panel", 1 / 600)
    [rule] = rows(agent, f"SELECT DISTINCT policy, policy_version, policy_hash FROM grades WHERE rule_id = '{RULE}'")
    assert {name: grade[name] for name in rule} == rule


def stands(agent: Agent, unit: str) -> str:
    params = {"start": START.isoformat(), "end": END.isoformat(), "rule": RULE}
    (verdict,) = [v for v in ("violates", "complies", "borderline") if unit in _shown(agent, {**params, "verdict": v})]
    return verdict


def _shown(agent: Agent, params: dict[str, str]) -> list[str]:
    page = agent.page("violations", {**params, "limit": "200"})
    return [row["trace_id"] for row in page.to_pylist()]


def test_which_verdict_stands(agent: Agent) -> None:
    [label] = labels(agent, "violates", 1)
    unit = label["unit_id"]
    for person, fields, expected in (
        ("ana", {}, "violates"),
        ("ben", {"verdict": "borderline"}, "complies"),
        ("ben", {}, "violates"),
        ("eva", {"verdict": "borderline", "adjudicated": True}, "borderline"),
        ("ana", {"note": "still"}, "borderline"),
    ):
        take(agent, [{**label, **fields}], person)
        agent.cycle()
        if expected == "complies":
            assert unit not in _shown(
                agent, {"start": START.isoformat(), "end": END.isoformat(), "verdict": "violates"}
            )
        else:
            assert stands(agent, unit) == expected, (person, fields)


def test_a_machine_that_tries_again_enters_within_a_cycle(agent: Agent) -> None:
    before = rate(agent)
    again = agent.store.frame(f"SELECT * FROM base.grades WHERE rule_id = '{RULE}' AND verdict = 'complies' LIMIT 100")
    with agent.store.transaction() as txn:
        late = again.to_dicts()
        add_verdicts(txn, [{**row, "verdict": "violates", "graded_at": END + WEEK} for row in late])
    agent.cycle()
    assert rate(agent)["value"] == pytest.approx(before["value"] + 100 / before["n_graded"])


def test_the_same_label_twice_is_one(agent: Agent) -> None:
    given = labels(agent, "violates", 5)
    keyed = [{**row, "key": f"k{number}"} for number, row in enumerate(given)]
    assert take(agent, keyed) == {"new": 5, "known": 0}
    assert take(agent, keyed) == {"new": 0, "known": 5}
    assert take(agent, given) == {"new": 0, "known": 5}, "the same, said again"
    assert take(agent, keyed, "ben") == {"new": 5, "known": 0}
    assert take(agent, [{**given[0], "verdict": "complies"}] * 2) == {"new": 1, "known": 1}
    assert take(agent, given[:1]) == {"new": 1, "known": 0}, "somebody changed back"
    with pytest.raises(BadRows, match=r"labels\[0\]: the key k0 stands for another label of yours"):
        take(agent, [{**keyed[0], "verdict": "complies"}, {**given[1], "note": "new"}])
    assert rows(agent, "SELECT count(*) AS n FROM labels") == [{"n": 12}], "nothing of a bad batch was taken"


def test_what_cannot_be_taken_is_named_row_by_row_and_nothing_is(agent: Agent) -> None:
    [good] = labels(agent, "violates", 1)
    bad = [
        good,
        {**good, "unit_id": "f" * 32},
        {**good, "rule_id": "NO-SUCH"},
        {**good, "plan": None},
    ]
    with serving(Answers(agent), agent.access.register.credentials(TOKEN)) as url:
        key = agent.access.register.add("ana", "reviewer")
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, trust_env=False) as http:
            said = http.post("/v1/labels", json={"labels": bad})
            assert said.status_code == 400
            first, second, third = said.json()["problems"]
            assert first == f"labels[1]: no turn is named {'f' * 32} (unit ids are the trace_id of the view turns)"
            assert second.startswith("labels[2]: no rule NO-SUCH is in force for shop (rules there: ")
            assert third.startswith("labels[3]: plan and inclusion_probability go together")
            said = http.post("/v1/labels", json={"labels": [{**good, "verdict": "dunno"}, {**good, "x": 1}, 7]})
            assert [problem.split()[0] for problem in said.json()["problems"]] == [
                "labels[0]",
                "labels[1]",
                "labels[2]",
            ]
            assert http.post("/v1/labels", json={"labels": [good] * 1001}).status_code == 400
            assert http.post("/v1/labels", json={"labels": [good]}).json() == {"new": 1, "known": 0}
            viewer = agent.access.register.add("vic", "viewer")
            refused = http.post("/v1/labels", json={"labels": [good]}, headers={"authorization": f"Bearer {viewer}"})
            assert refused.status_code == 403
        with pytest.raises(UsageError, match="none was taken"):
            ApiClient(url, key).ask(AddLabels([{**good, "unit_id": "e" * 32}]))
    assert rows(agent, "SELECT person, verdict FROM labels") == [{"person": "ana", "verdict": "violates"}]


def test_notes_are_redacted_and_leave_with_the_turn(agent: Agent) -> None:
    given = labels(agent, "violates", 2, note="wrote to jo@example.org", corrected="Yes.")
    quoting = f"same as {given[0]['unit_id']}"
    take(agent, [given[0], {**given[1], "note": quoting}])
    agent.cycle()
    first, _ = rows(agent, "SELECT note FROM labels ORDER BY unit_id")
    assert "jo@example.org" not in first["note"]
    assert first["note"].startswith("wrote to <EMAIL")
    agent.erase("trace", given[0]["unit_id"])
    [left] = rows(agent, "SELECT * FROM labels")
    assert left["unit_id"] == given[1]["unit_id"]
    assert left["note"] == "same as (erased)"
    assert given[0]["unit_id"].encode() not in agent.places.control.read_bytes()
    agent.cycle()
    assert len(rows(agent, "SELECT * FROM grades WHERE grader = 'human:ana'")) == 1
    with pytest.raises(BadRows, match="no turn is named"):
        take(agent, given)


def test_an_app_that_is_erased_takes_its_labels_along(agent: Agent) -> None:
    take(agent, labels(agent, "violates", 3))
    agent.erase("app", "shop")
    assert rows(agent, "SELECT * FROM labels") == []
