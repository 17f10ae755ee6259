"""The states of a finding: what a person accepts closes with that word, on record, and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.rules import AlertRule
from alerts.states import AlertState, evaluate
from monitor.clock import FakeClock, naive_utc
from monitor.config.schema import Settings
from monitor.drift.rises import Rise
from monitor.errors import Forbidden, NotFound, UsageError
from monitor.model.values import Finding, Severity
from monitor.recent import Recent
from monitor.signals import read_signals
from monitor.store import outcomes
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Call, token_owner
from plumbline.api.finding_questions import AcceptFinding, ReopenFinding
from plumbline.cli.main import run
from plumbline.opening import open_agent
from tests.drift.traffic import START
from tests.people.conftest import Office

RULE = AlertRule(id="drift", title="Changed", signal="drift", severity=Severity.WARNING)


@dataclass(frozen=True)
class Moved:
    """What became of findings of before."""

    returned: list[str] = field(default_factory=list)
    rises: list[Rise] = field(default_factory=list)


def finding(clock: FakeClock, name: str = "f1") -> Finding:
    now = clock.now()
    hour = timedelta(hours=1)
    return Finding(
        name, "drift", "error", "shop", "all", now, now - hour, now - 2 * hour, now, 0.1, 0.3, 0.2, 0.1, 0.3, 1e6,
        "1 false alarm per 365d", "model changed", "Share of turns with an error went up", (),
    )  # fmt: skip


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    opened = open_agent(Settings(), tmp_path / "data", FakeClock(START.astimezone()))
    with opened.store.transaction() as txn:
        outcomes.add_findings(txn, [finding(opened.clock)])  # type: ignore[arg-type]
    yield opened
    opened.close()


def state(agent: Agent, name: str = "f1") -> tuple[str, str | None, str | None]:
    row = agent.store.frame("SELECT state, state_by, state_reason FROM findings WHERE id = ?", [name]).row(0)
    return row[0], row[1], row[2]


def moved(agent: Agent, outcome: Moved, expires: timedelta = timedelta(days=14)) -> None:
    now = agent.clock.now()
    with agent.store.transaction() as txn:
        outcomes.move_findings(txn, outcome, now, now - expires)


def alerted(agent: Agent, known: list[AlertState]) -> list[tuple[str, str]]:
    signals = read_signals(agent.store, agent.settings.estimates, [], agent.clock.now(), Recent())
    steps = evaluate([RULE], signals, known, agent.clock.now())
    known[:] = [step.alert for step in steps] or known
    return [(step.kind, step.reason) for step in steps]


def call() -> Call:
    return Call(token_owner())


def test_a_change_is_accepted_once_with_a_reason_and_that_can_be_taken_back(agent: Agent) -> None:
    answers = Answers(agent)
    assert answers.answer(AcceptFinding("f1", "the new model is meant"), call()) == {"id": "f1", "state": "accepted"}
    assert state(agent) == ("accepted", token_owner().name, "the new model is meant")
    assert outcomes.accepted_findings(agent.store) == ["f1"]
    with pytest.raises(UsageError, match="f1 is accepted"):
        answers.answer(AcceptFinding("f1", "again"), call())
    answers.answer(ReopenFinding("f1", "it was not"), call())
    assert state(agent)[0] == "open"
    acts = [(row["act"], row["reason"]) for row in agent.access.record.table().to_pylist()]
    assert acts == [("acceptfinding", "the new model is meant"), ("reopenfinding", "it was not")]


def test_what_is_not_there_cannot_be_accepted_and_a_reason_is_needed(agent: Agent) -> None:
    with pytest.raises(NotFound):
        Answers(agent).answer(AcceptFinding("nobody", "why not"), call())
    with pytest.raises(UsageError, match="a reason"):
        AcceptFinding("f1", " ").check()


@pytest.mark.parametrize(
    ("word", "said"),
    [("returned", "returned to what it was"), ("accepted", "the new normal: meant"), ("expired", "expired")],
)
def test_each_state_closes_the_alert_with_its_word(agent: Agent, word: str, said: str) -> None:
    known: list[AlertState] = []
    assert [kind for kind, _ in alerted(agent, known)] == ["firing"]
    assert alerted(agent, known) == []
    if word == "accepted":
        Answers(agent).answer(AcceptFinding("f1", "meant"), call())
    moved(agent, Moved(["f1"] if word == "returned" else []), timedelta(0) if word == "expired" else timedelta(days=14))
    agent.clock.move_to(agent.clock.now() + timedelta(minutes=1))  # type: ignore[attr-defined]
    if word == "expired":
        moved(agent, Moved(), timedelta(0))
    assert state(agent)[0] == word
    [(kind, reason)] = alerted(agent, known)
    assert kind == "resolved"
    assert said in reason


def test_an_open_change_stays_told_however_old_and_a_rise_moves_its_numbers(agent: Agent) -> None:
    known: list[AlertState] = []
    alerted(agent, known)
    agent.clock.move_to(agent.clock.now() + timedelta(days=12))  # type: ignore[attr-defined]
    moved(agent, Moved(rises=[Rise("f1", 0.5, 0.4, 0.3, 0.5, "it went on, by +2 points a day")]))
    row = agent.store.frame("SELECT current_value, change, reason FROM findings").row(0)
    assert row == (0.5, 0.4, "it went on, by +2 points a day")
    assert all(kind == "seen" for kind, _ in alerted(agent, known))
    moved(agent, Moved(), timedelta(days=30))
    assert state(agent)[0] == "open"


def test_findings_of_an_older_store_are_expired(agent: Agent) -> None:
    with agent.store.transaction() as txn:
        txn.execute("UPDATE base.findings SET state = NULL")
    assert state(agent)[0] == "expired"


def test_the_command_lists_accepts_and_opens_again(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    with office.agent.store.transaction() as txn:
        outcomes.add_findings(txn, [finding(office.clock)])
    root = str(office.agent.places.root)
    office.agent.close()
    assert run(["finding", "accept", "f1", "--data-dir", root]) == 2
    assert "needs an id and a reason" in capsys.readouterr().err
    assert run(["finding", "accept", "f1", "--reason", "meant", "--data-dir", root]) == 0
    assert run(["finding", "list", "--format", "json", "--data-dir", root]) == 0
    told = capsys.readouterr().out
    assert "finding f1 is accepted" in told
    assert json.loads(told[told.index("[") :])[0]["state"] == "accepted"
    assert run(["finding", "reopen", "f1", "--reason", "no", "--data-dir", root]) == 0
    assert naive_utc(office.clock.now())


def test_the_command_tells_a_change(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(office.agent.places.root)
    office.agent.close()
    asked = ["change", "add", "policy", "tone 2 in force", "--app", "shop", "--at", "2026-11-20T10:00:00Z"]
    assert run([*asked, "--data-dir", root]) == 0
    assert run([*asked, "--data-dir", root]) == 0
    assert run(["change", "add", "magic", "x", "--data-dir", root]) == 2
    assert run(["change", "list", "--format", "json", "--data-dir", root]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["kind"], row["app"], row["what"]) for row in told] == [("policy", "shop", "tone 2 in force")]


def test_who_sees_some_applications_accepts_changes_of_those_only(agent: Agent) -> None:
    with pytest.raises(Forbidden):
        Answers(agent).answer(AcceptFinding("f1", "mine"), Call(replace(token_owner(), apps=frozenset({"desk"}))))
    assert state(agent)[0] == "open"
