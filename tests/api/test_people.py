"""Every route with every credential, made from the declarations, over the real agent and real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from monitor.clock import SystemClock
from monitor.config.schema import Settings
from monitor.errors import NotFound, UsageError
from monitor.state import ControlState, audit
from monitor.state.audit import Act
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import token_owner
from plumbline.api.client import ApiClient
from plumbline.api.people_questions import AddPerson, RevokePerson, VerifyAudit
from plumbline.api.question import name_of
from plumbline.api.questions import QUESTIONS
from plumbline.opening import open_agent
from plumbline.people.register import ROLES
from tests.support.serving import serving

TOKEN = "t0ken"
KEY = b"k" * 32


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    opened = open_agent(Settings(), tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def url(agent: Agent) -> Iterator[str]:
    with serving(Answers(agent), agent.access.register.credentials(TOKEN)) as served:
        yield served


def refused(url: str, key: str) -> dict[str, int]:
    """What each route answers to `key` where the body is nonsense: 401 and 403 come before anybody reads it."""
    bearer = {"authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=bearer, trust_env=False) as http:
        return {
            name_of(asked): http.request(
                asked.method, asked.path.replace("{id:path}", "x").replace("{name}", "x"), params={"no": "such"}
            ).status_code
            for asked in QUESTIONS
        }


@pytest.mark.parametrize("role", ROLES)
def test_every_route_asks_for_its_scope(agent: Agent, url: str, role: str) -> None:
    key = agent.access.register.add("kim", role)  # type: ignore[arg-type]  # the keys of ROLES
    answered = refused(url, key)
    for asked in QUESTIONS:
        told = answered[name_of(asked)]
        assert (told == 403) == (asked.scope not in ROLES[role]), (asked, told)  # type: ignore[index]  # as above
        assert told != 401
    agent.access.register.revoke("kim")
    assert set(refused(url, key).values()) == {401}


@pytest.mark.parametrize("key", ["", "foreign", TOKEN + "x"])
def test_every_route_refuses_who_is_not_known(url: str, key: str) -> None:
    assert set(refused(url, key).values()) == {401}


def test_acts_are_on_record_under_the_name_of_who_did_them(agent: Agent, url: str) -> None:
    key = ApiClient(url, TOKEN).ask(AddPerson("kim", "admin"))
    client = ApiClient(url, key)
    client.ask(AddPerson("lee", "viewer"))
    with pytest.raises(UsageError, match="lee is there already"):
        client.ask(AddPerson("lee", "admin"))
    with pytest.raises(NotFound):
        client.ask(RevokePerson("nobody"))
    told = [(row["actor"], row["act"], row["object"]) for row in agent.access.record.table().to_pylist()]
    owner = token_owner().name
    assert told[:2] == [(owner, "addperson", "kim as admin"), (owner, "addperson done", "kim as admin")]
    assert told[2:4] == [("kim", "addperson", "lee as viewer"), ("kim", "addperson done", "lee as viewer")]
    assert told[5] == ("kim", "addperson failed", "lee as admin")
    assert client.ask(VerifyAudit())["problems"] == []


@pytest.mark.parametrize(
    "bend",
    [
        "UPDATE audit SET actor = 'lee' WHERE seq = 2",
        "UPDATE audit SET at = '2026-01-01T00:00:00+00:00' WHERE seq = 2",
        "UPDATE audit_payloads SET payload = replace(payload, 'two', 'six') WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3); UPDATE audit SET seq = -seq WHERE seq < 0",
    ],
)
def test_a_bent_chain_is_found_and_an_erased_payload_does_not_bend_it(bend: str) -> None:
    state = ControlState.open(None, SystemClock())
    with state.transaction() as txn:
        for number in ("one", "two", "three"):
            audit.append(txn, KEY, Act("kim", "note", number), state.clock.now())
        assert audit.problems(txn, KEY) == []
        assert audit.erase(txn, lambda said: said.replace("one", "(erased)")) == 1
        assert audit.problems(txn, KEY) == []
        assert [row["object"] for row in audit.rows(txn)] == [None, "two", "three"]
        for statement in bend.split(";"):
            txn.execute(text(statement))
        assert audit.problems(txn, KEY)
