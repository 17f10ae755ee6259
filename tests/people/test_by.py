"""An admin acts for a person: within what that person may do, and both are on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.errors import Forbidden, NotFound, UsageError
from plumbline.answers import Answers
from plumbline.api.call import token_owner
from plumbline.api.client import ApiClient
from plumbline.api.people_questions import AddPerson, Audit, Me, People, VerifyAudit
from plumbline.api.questions import Settle
from plumbline.cli.main import run
from tests.people.conftest import TOKEN, Office
from tests.support.serving import serving


@pytest.fixture
def url(office: Office) -> Iterator[str]:
    register = office.agent.access.register
    for name, role in (("olga", "operator"), ("vera", "viewer"), ("adam", "admin")):
        register.add(name, role)  # type: ignore[arg-type]  # names of roles
    with serving(Answers(office.agent), register.credentials(TOKEN)) as served:
        yield served


def test_both_are_on_record_and_the_chain_holds(office: Office, url: str) -> None:
    ApiClient(url, TOKEN, "olga").ask(Settle())
    ApiClient(url, TOKEN).ask(Settle())
    owner = token_owner().name
    told = [(who, whom, act) for who, whom, act, _ in office.acts() if act.startswith("settle")]
    assert told == [
        (owner, "olga", "settle"),
        (owner, "olga", "settle done"),
        (owner, None, "settle"),
        (owner, None, "settle done"),
    ]
    assert ApiClient(url, TOKEN).ask(VerifyAudit())["problems"] == []
    assert ApiClient(url, TOKEN).ask(Audit())["columns"] == [
        "at",
        "actor",
        "on_behalf_of",
        "act",
        "object",
        "reason",
        "hash",
        "before",
        "after",
    ]


def test_nobody_may_more_by_acting_for_somebody(url: str) -> None:
    with pytest.raises(Forbidden, match="vera may not do this"):
        ApiClient(url, TOKEN, "vera").ask(Settle())
    assert ApiClient(url, TOKEN, "vera").ask(Me())["role"] == "viewer"


def test_only_admins_act_for_others_and_only_for_people_there_are(office: Office, url: str) -> None:
    office.agent.access.register.revoke("olga")
    for unknown in ("olga", "nobody", "näme"):
        with pytest.raises(UsageError, match=f"--by {unknown}: there is nobody of this name"):
            ApiClient(url, TOKEN, unknown).ask(People())
    key = office.agent.access.register.add("olga", "operator")
    with pytest.raises(Forbidden, match="olga may not act for others"):
        ApiClient(url, key, "vera").ask(Settle())


def test_at_rest_the_same_rules_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--data-dir", str(tmp_path / "data")]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "spool" / "x").mkdir(parents=True)
    assert run(["people", "add", "ann", "--role", "admin", *at]) == 0
    assert run(["people", "add", "lea", "--role", "viewer", "--by", "ann", *at]) == 0
    capsys.readouterr()
    assert run(["people", "revoke", "lea", "--by", "nobody", *at]) == 2
    assert capsys.readouterr().err == (
        "plumbline: --by nobody: there is nobody of this name (see `plumbline people list`)\n"
    )
    assert run(["people", "revoke", "ann", "--by", "lea", *at]) == 2
    assert run(["audit", "verify", *at]) == 0
    assert run(["audit", "list", "--format", "json", *at]) == 0
    assert '"on_behalf_of": "ann"' in capsys.readouterr().out


def test_adding_for_somebody_takes_an_admin(url: str) -> None:
    assert ApiClient(url, TOKEN, "adam").ask(AddPerson("new", "viewer"))
    with pytest.raises(Forbidden):
        ApiClient(url, TOKEN, "olga").ask(AddPerson("other", "viewer"))


def test_a_key_may_do_less_than_its_holder_and_never_more(office: Office, url: str) -> None:
    register = office.agent.access.register
    reads = ApiClient(url, register.add_key("adam", ["read"]))
    assert reads.ask(Me())["scopes"] == ["read"]
    with pytest.raises(Forbidden):
        reads.ask(Settle())
    assert ApiClient(url, register.add_key("vera", ("read", "admin"))).ask(Me())["scopes"] == ["read"]
    with pytest.raises(NotFound):
        register.add_key("nobody", None)
