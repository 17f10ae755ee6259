"""Notes: written once under a key, on record, under the name of who wrote them, and gone with what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from monitor.config.schema import AgentSettings, RetentionSettings, Settings
from monitor.errors import Forbidden, NotFound, UsageError
from monitor.store.removal.age_limits import limits_at
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Call, token_owner
from plumbline.api.client import ApiClient
from plumbline.api.note_questions import AddNote, Notes, RemoveNote
from plumbline.opening import open_agent
from tests.people.conftest import TOKEN
from tests.support.serving import serving

TRACE = "a1" * 16
OTHER = "b2" * 16


def sent(agent: Agent) -> None:
    """Two finished traces, of the applications shop and desk."""
    with agent.store.transaction() as txn:
        for trace, app, user in ((TRACE, "shop", "u1"), (OTHER, "desk", "u2")):
            row = {"trace_id": trace, "span_id": trace[:16], "app": app, "user_id": user}
            txn.insert("spans", [{**row, "time": agent.clock.now().replace(tzinfo=None)}])


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


def posted(url: str, key: str, text: str, token: str = TOKEN) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
    return httpx.post(f"{url}/v1/notes", json={"id": TRACE, "text": text}, headers=headers, trust_env=False)


def test_a_note_is_written_once_however_often_it_is_sent(agent: Agent, url: str) -> None:
    first, again = posted(url, "k1", "looked at it"), posted(url, "k1", "looked at it")
    assert first.json() == again.json()
    assert len(agent.access.notes.on(TRACE)) == 1
    assert posted(url, "k1", "something else").status_code == 400
    assert posted(url, "k2", "looked at it").json()["id"] != first.json()["id"]
    acts = [row["act"] for row in agent.access.record.table().to_pylist()]
    assert acts.count("addnote") == 2


def test_a_key_of_somebody_else_tells_nothing(agent: Agent, url: str) -> None:
    posted(url, "k1", "mine")
    other = posted(url, "k1", "mine", agent.access.register.add("kim", "reviewer"))
    assert other.status_code == 400
    assert "author" not in other.text


def test_who_may_and_on_what(agent: Agent, url: str) -> None:
    viewer = ApiClient(url, agent.access.register.add("vera", "viewer"))
    with pytest.raises(Forbidden, match="scope review"):
        viewer.ask(AddNote(TRACE, "hello"))
    reviewer = ApiClient(url, agent.access.register.add("rea", "reviewer", ["shop"]))
    reviewer.ask(AddNote(TRACE, " hello "))
    assert [(note["author"], note["text"]) for note in viewer.ask(Notes(TRACE))] == [("rea", "hello")]
    with pytest.raises(Forbidden, match="sees texts of shop only"):
        reviewer.ask(AddNote(OTHER, "hello"))
    with pytest.raises(NotFound):
        reviewer.ask(AddNote("c3" * 16, "hello"))
    for text in ("", "  ", "x" * 4001):
        with pytest.raises(UsageError, match="at least one word"):
            reviewer.ask(AddNote(TRACE, text))


def test_a_note_is_taken_away_by_its_number(agent: Agent, url: str) -> None:
    client = ApiClient(url, TOKEN)
    number = client.ask(AddNote(TRACE, "wrong"))["id"]
    client.ask(RemoveNote(number))
    assert agent.access.notes.on(TRACE) == []
    with pytest.raises(NotFound):
        client.ask(RemoveNote(number))


def note(agent: Agent, trace: str, text: str) -> None:
    Answers(agent).answer(AddNote(trace, text), Call(token_owner()))


@pytest.mark.parametrize(("kind", "given"), [("trace", TRACE), ("user", "u1"), ("app", "shop")])
def test_an_erasure_takes_notes_along_and_the_chain_holds(agent: Agent, kind: str, given: str) -> None:
    note(agent, TRACE, "of the erased")
    note(agent, OTHER, f"compare {TRACE}")
    agent.erase(kind, given)  # type: ignore[arg-type]  # the kinds there are
    assert agent.access.notes.on(TRACE) == []
    [left] = agent.access.notes.on(OTHER)
    assert TRACE not in left["text"] or kind == "app"
    assert agent.access.record.verify()["problems"] == []
    agent.store.checkpoint()
    assert b"of the erased" not in agent.places.control.read_bytes()


def test_a_note_is_kept_as_long_as_what_it_is_about(agent: Agent) -> None:
    note(agent, TRACE, "old")
    now = agent.clock.now()
    limits = limits_at(RetentionSettings(content="1d", spans="2d", rollups="3d"), now + timedelta(days=1, hours=23))
    assert agent.access.notes.let_go(limits) == 0
    limits = limits_at(RetentionSettings(content="1d", spans="2d", rollups="3d"), now + timedelta(days=2, hours=1))
    assert agent.access.notes.let_go(limits) == 1
