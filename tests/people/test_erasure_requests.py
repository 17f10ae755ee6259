"""Requests to erase: who has seen a trace asks, an admin grants or refuses, and what is erased is forgotten here, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config.schema import AgentSettings, RetentionSettings, Settings
from monitor.errors import Forbidden, NotFound, OnHold, UsageError
from monitor.store.removal.age_limits import limits_at
from monitor.store.removal.erase import erase_rows
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Call, token_owner
from plumbline.api.client import ApiClient
from plumbline.api.erasure_questions import AskErasure, ErasureRequests, GrantErasure, RefuseErasure
from plumbline.api.hold_questions import AddHold
from plumbline.api.question import Question
from plumbline.api.questions import Erase
from plumbline.opening import open_agent
from tests.cli.plumbline import Ran, plumbline
from tests.people.conftest import TOKEN
from tests.people.test_notes import OTHER, TRACE, sent
from tests.support.serving import serving

WHY = "it holds the number of a card"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    opened = open_agent(Settings(agent=AgentSettings(retention=RetentionSettings())), tmp_path / "data")
    sent(opened)
    yield opened
    opened.close()


@pytest.fixture
def url(agent: Agent) -> Iterator[str]:
    with serving(Answers(agent), agent.access.register.credentials(TOKEN)) as served:
        yield served


def ask(agent: Agent, question: Question[Any], key: str = "") -> Any:
    return Answers(agent).answer(question, Call(token_owner(), key=key))


def stored(agent: Agent, trace: str) -> int:
    return agent.store.read(f"SELECT 1 FROM base.spans WHERE trace_id = '{trace}'").num_rows


def acts(agent: Agent) -> list[tuple[str, str, str]]:
    rows = agent.access.record.table().to_pylist()
    return [(row["actor"], row["act"], row["object"]) for row in rows if "erasure" in row["act"]]


def test_a_reviewer_asks_an_admin_erases_and_both_are_on_record(agent: Agent, url: str) -> None:
    viewer = ApiClient(url, agent.access.register.add("vera", "viewer"))
    rea = ApiClient(url, agent.access.register.add("rea", "reviewer", ["shop"]))
    adam = ApiClient(url, agent.access.register.add("adam", "admin"))
    with pytest.raises(Forbidden, match="scope review"):
        viewer.ask(AskErasure(TRACE, WHY))
    assert rea.ask(AskErasure(TRACE, f" {WHY} ")) == {"number": 1, "new": True}
    assert agent.status()["erasures"] == {"waiting": 1}
    with pytest.raises(Forbidden, match="scope admin"):
        rea.ask(GrantErasure(1))
    assert stored(agent, TRACE) == 1
    [waiting] = adam.ask(ErasureRequests())
    told = ("trace_id", "apps", "reason", "asked_by", "outcome")
    assert [waiting[name] for name in told] == [TRACE, ["shop"], WHY, "rea", None]

    granted = adam.ask(GrantErasure(1))
    assert granted["number"] == 1
    assert granted["removed"]["spans"] == 1
    assert (stored(agent, TRACE), stored(agent, OTHER)) == (0, 1)
    [ended] = adam.ask(ErasureRequests())
    assert [ended[name] for name in (*told, "ended_by")] == [None, ["shop"], None, "rea", "erased", "adam"]
    assert agent.status()["erasures"] == {"waiting": 0}
    [asked, begun, done] = acts(agent)
    assert (asked[:2], begun, done) == (
        ("rea", "askerasure"),
        ("adam", "granterasure", "erasure request 1"),
        ("adam", "granterasure done", "erasure request 1"),
    )
    assert agent.access.record.verify()["problems"] == []
    agent.store.checkpoint()
    assert WHY.encode() not in agent.places.control.read_bytes()
    assert TRACE.encode() not in agent.places.control.read_bytes()


def test_a_trace_is_asked_for_once_and_by_who_may_see_it(agent: Agent, url: str) -> None:
    first = ask(agent, AskErasure(TRACE, WHY), "k1")
    assert ask(agent, AskErasure(TRACE, WHY), "k1") == first
    assert ask(agent, AskErasure(TRACE, "as rea says")) == {"number": 1, "new": False}
    rea = ApiClient(url, agent.access.register.add("rea", "reviewer", ["shop"]))
    with pytest.raises(Forbidden, match="sees texts of shop only"):
        rea.ask(AskErasure(OTHER, WHY))
    with pytest.raises(NotFound, match="among the traces"):
        rea.ask(AskErasure("c3" * 16, WHY))
    for reason in ("", " ", "x" * 1001):
        with pytest.raises(UsageError, match="at least one word"):
            rea.ask(AskErasure(TRACE, reason))
    ask(agent, AskErasure(OTHER, WHY))
    adam = ApiClient(url, agent.access.register.add("adam", "admin", ["shop"]))
    assert [row["trace_id"] for row in adam.ask(ErasureRequests())] == [TRACE]
    assert [row["trace_id"] for row in ask(agent, ErasureRequests())] == [TRACE, OTHER]


@pytest.mark.parametrize("role", ["viewer", "reviewer", "operator"])
def test_what_is_asked_for_and_why_is_read_by_admins_only(agent: Agent, url: str, role: Any) -> None:
    ask(agent, AskErasure(TRACE, WHY))
    with pytest.raises(Forbidden, match="scope admin"):
        ApiClient(url, agent.access.register.add("kim", role)).ask(ErasureRequests())


def test_a_refusal_says_why_and_the_trace_stays(agent: Agent, url: str) -> None:
    ask(agent, AskErasure(TRACE, WHY))
    rea = ApiClient(url, agent.access.register.add("rea", "reviewer"))
    with pytest.raises(Forbidden, match="scope admin"):
        rea.ask(RefuseErasure(1, "no"))
    ask(agent, RefuseErasure(1, "evidence of case 7"))
    [row] = ask(agent, ErasureRequests())
    assert (row["outcome"], row["why"], row["ended_by"]) == ("refused", "evidence of case 7", token_owner().name)
    assert stored(agent, TRACE) == 1
    for late in (GrantErasure(1), RefuseErasure(1, "again")):
        with pytest.raises(UsageError, match="has ended: refused"):
            ask(agent, late)
    with pytest.raises(NotFound, match="plumbline erasures list"):
        ask(agent, GrantErasure(7))
    assert ask(agent, AskErasure(TRACE, "now it may")) == {"number": 2, "new": True}
    decided = {row["number"]: row["ended_at"] for row in ask(agent, ErasureRequests())}[1]
    agent.erase("trace", TRACE)
    refused = next(row for row in ask(agent, ErasureRequests()) if row["number"] == 1)
    assert (refused["why"], refused["ended_at"]) == (None, decided)
    assert b"evidence of case 7" not in agent.places.control.read_bytes()
    assert {row["number"]: row["outcome"] for row in ask(agent, ErasureRequests())} == {1: "refused", 2: "erased"}


def test_what_is_on_hold_is_not_erased_and_the_request_waits(agent: Agent) -> None:
    ask(agent, AskErasure(TRACE, WHY))
    until = agent.clock.now() + timedelta(days=30)
    ask(agent, AddHold("user", "u1", token_owner().name, "case 7", until))
    with pytest.raises(OnHold, match="case 7"):
        ask(agent, GrantErasure(1))
    assert [row["outcome"] for row in ask(agent, ErasureRequests())] == [None]
    assert acts(agent)[-1][1:] == ("granterasure failed", "erasure request 1")


@pytest.mark.parametrize(("kind", "given"), [("trace", TRACE), ("user", "u1"), ("app", "shop")])
def test_whatever_erases_the_trace_answers_the_request(agent: Agent, kind: Any, given: str) -> None:
    ask(agent, AskErasure(TRACE, WHY))
    ask(agent, AskErasure(OTHER, f"as {TRACE} was"))
    ask(agent, Erase(kind, given))
    other, ended = ask(agent, ErasureRequests())
    assert (ended["outcome"], ended["trace_id"], ended["reason"], ended["ended_by"]) == ("erased", None, None, None)
    assert ended["ended_at"] >= ended["asked_at"]
    assert other["outcome"] is None
    assert TRACE not in other["reason"] or kind == "app"


def test_an_erasure_that_was_killed_answers_its_request_at_the_next_start(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(agent, AskErasure(TRACE, WHY))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("plumbline.agent.finish_erasure", killed)
        with pytest.raises(KeyboardInterrupt):
            ask(agent, GrantErasure(1))
    assert [row["outcome"] for row in ask(agent, ErasureRequests())] == [None]
    agent.finish_erasure()
    assert [row["outcome"] for row in ask(agent, ErasureRequests())] == ["erased"]
    assert stored(agent, TRACE) == 0


def aged(agent: Agent, trace: str) -> None:
    with agent.store.transaction() as txn:
        txn.execute("DELETE FROM base.spans WHERE trace_id = ?", [trace])


def test_a_request_is_forgotten_with_its_trace_however_late_it_was_asked_for(agent: Agent) -> None:
    for trace in (TRACE, OTHER):
        ask(agent, AskErasure(trace, WHY))
    limits = limits_at(RetentionSettings(content="1d", spans="2d", rollups="3d"), agent.clock.now())
    assert agent.access.erasures.let_go(limits) == 0
    aged(agent, TRACE)
    assert agent.access.erasures.let_go(limits_at(RetentionSettings(), agent.clock.now())) == 0
    assert agent.access.erasures.let_go(limits) == 1
    other, row = ask(agent, ErasureRequests())
    assert (row["outcome"], row["trace_id"], row["reason"]) == ("aged", None, None)
    assert row["ended_at"] >= row["asked_at"]
    assert (other["outcome"], other["trace_id"]) == (None, OTHER)
    with pytest.raises(UsageError, match="has ended: aged"):
        ask(agent, GrantErasure(1))


def test_who_refuses_before_the_erasure_begins_is_heard(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(agent, AskErasure(TRACE, WHY))

    def refused_meanwhile(_: Agent) -> None:
        ask(agent, RefuseErasure(1, "evidence of case 7"))

    with monkeypatch.context() as patched:
        patched.setattr(Agent, "load", refused_meanwhile)
        with pytest.raises(UsageError, match="has ended: refused"):
            ask(agent, GrantErasure(1))
    assert stored(agent, TRACE) == 1
    assert [row["outcome"] for row in ask(agent, ErasureRequests())] == ["refused"]


def test_who_refuses_while_it_is_erased_hears_that_it_is_gone(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(agent, AskErasure(TRACE, WHY))
    with ThreadPoolExecutor(1) as second_admin:
        answers: list[Future[Any]] = []

        def refused_meanwhile(*given: Any) -> dict[str, int]:
            answers.append(second_admin.submit(ask, agent, RefuseErasure(1, "evidence of case 7")))
            wait(answers, timeout=0.3)
            return erase_rows(*given)

        monkeypatch.setattr("plumbline.agent.erase_rows", refused_meanwhile)
        ask(agent, GrantErasure(1))
        with pytest.raises(UsageError, match="has ended: erased"):
            answers[0].result(30)
    assert stored(agent, TRACE) == 0


def test_how_many_wait_is_counted_without_reading_them(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    for trace in (TRACE, OTHER):
        ask(agent, AskErasure(trace, WHY))
    ask(agent, RefuseErasure(1, "not now"))

    def read(_: object) -> list[Any]:
        raise AssertionError

    monkeypatch.setattr("monitor.state.erasures.listed", read)
    assert agent.access.counted()["erasures"] == {"waiting": 1}


def test_hostile_reasons_are_text(agent: Agent) -> None:
    hostile = "'); DROP TABLE erasure_requests; -- <b>[x](y)\x1b[31m"
    ask(agent, AskErasure(TRACE, hostile))
    assert ask(agent, ErasureRequests())[0]["reason"] == hostile


@pytest.mark.slow
def test_by_the_command_line(agent: Agent, tmp_path: Path) -> None:
    agent.close()

    def run(*words: str) -> Ran:
        return plumbline("erasures", *words, "--data-dir", tmp_path / "data", cwd=tmp_path)

    assert "needs --reason" in run("ask", TRACE).error
    assert run("ask", TRACE.upper(), "--reason", WHY).out == "request 1 waits for an admin\n"
    assert json.loads(run("list", "--format", "json").out)[0]["reason"] == WHY
    assert "give --yes" in run("grant", "1").error
    assert "needs the number" in run("grant", "one", "--yes").error
    assert run("refuse", "1", "--reason", "not now").out == "request 1 is refused; the trace stays\n"
    run("ask", TRACE, "--reason", WHY)
    granted = run("grant", "2", "--yes")
    assert (granted.code, granted.out.startswith("erased; ")) == (0, True)
