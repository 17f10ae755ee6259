"""What the audit holds of an act: how things stood before it and after it, without secrets, and gone with an erasure."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from monitor.state import audit
from plumbline.answers import Answers
from plumbline.api.call import Call, token_owner
from plumbline.api.hold_questions import AddHold, ReleaseHold
from plumbline.api.people_questions import AddKey, AddPerson, RevokePerson, SetPassword, SignPersonOut
from plumbline.api.questions import Erase, Questions, Settle
from tests.people.conftest import Office

PASSWORD = "correct horse battery"


def test_what_came_of_an_act_is_told_in_numbers_unless_it_says_more() -> None:
    assert Questions().outcome({"turns": 3, "key": "s3cret", "good": True}) == {"turns": 3, "good": True}
    assert Questions().outcome("s3cret") is None


@pytest.fixture
def told(office: Office) -> list[tuple[str, Any, Any]]:
    """Acts on people in a row, and what the audit has of them: act, before, after."""
    answers, call = Answers(office.agent), Call(token_owner())
    secrets = [answers.answer(AddPerson("kim", "reviewer", ("shop",)), call)]
    answers.answer(SetPassword("kim", PASSWORD), call)
    session = office.agent.access.sign_in.by_password("kim", PASSWORD)
    secrets += [session["session"], answers.answer(AddKey("kim", ("read",)), call)]
    answers.answer(SignPersonOut("kim"), call)
    answers.answer(RevokePerson("kim"), call)
    rows = office.agent.access.record.table().to_pylist()
    assert not [secret for secret in (*secrets, PASSWORD) if secret in str(rows)]
    return [(row["act"], _json(row["before"]), _json(row["after"])) for row in rows]


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def done(told: list[tuple[str, Any, Any]], act: str) -> tuple[Any, Any]:
    return next((before["person kim"] if before else {}, after["person kim"]) for a, before, after in told if a == act)


def test_acts_on_people_hold_both_sides(told: list[tuple[str, Any, Any]]) -> None:
    before, after = done(told, "addperson done")
    assert (before, after["role"], after["apps"], after["keys"]) == ({}, "reviewer", ["shop"], [None])
    before, after = done(told, "setpassword done")
    assert (before["password"], after["password"]) == (False, True)
    before, after = done(told, "addkey done")
    assert (before["keys"], after["keys"]) == ([None], [None, ["read"]])
    before, after = done(told, "signpersonout done")
    assert (before["sessions"], after["sessions"]) == (1, 0)
    before, after = done(told, "revokeperson done")
    assert before["revoked_at"] is None
    assert (after["revoked_at"] is None, after["keys"], after["password"]) == (False, [], False)


def test_what_a_kill_would_interrupt_is_known_from_the_first_row(told: list[tuple[str, Any, Any]]) -> None:
    (begun,) = [(before, after) for act, before, after in told if act == "revokeperson"]
    assert begun[0]["person kim"]["role"] == "reviewer"
    assert begun[1] is None


def test_an_act_of_one_transaction_is_one_row_with_what_it_changed_only(office: Office) -> None:
    answers, call = Answers(office.agent), Call(token_owner())
    for number in (1, 2):
        until = office.clock.now() + timedelta(days=number)
        answers.answer(AddHold("user", f"u{number}", token_owner().name, "case", until), call)
    answers.answer(ReleaseHold(1), call)
    *_, released = office.agent.access.record.table().to_pylist()
    before, after = json.loads(released["before"]), json.loads(released["after"])
    assert before.keys() == after.keys() == {"hold 1"}
    assert before["hold 1"]["released_by"] is None
    assert after["hold 1"]["released_by"] == token_owner().name


def test_what_changes_rows_of_the_store_says_what_came_of_it(office: Office) -> None:
    answers, call = Answers(office.agent), Call(token_owner())
    answers.answer(Settle(), call)
    answers.answer(Erase("user", "nobody"), call)
    told = {row["act"]: row["after"] for row in office.agent.access.record.table().to_pylist()}
    assert json.loads(told["settle done"])["turns"] == 0
    assert json.loads(told["erase done"])["removed"]["spans"] == 0


def test_what_was_erased_is_gone_from_both_sides(office: Office) -> None:
    record = office.agent.access.record
    with record.state.transaction() as txn:
        record.within(txn, token_owner(), "note", "a trace", change=(None, {"note 1": {"on": ["u-4711"]}}))
        record.within(txn, token_owner(), "note", "a trace", change=({"hold of u-4711": 1}, None))
        record.within(txn, token_owner(), "note", "another", change=(None, {"note 2": {"on": ["u-4712"]}}))
        assert audit.erase(txn, lambda said: said.replace("u-4711", "(erased)")) == 2
    told = [(row["object"], row["before"], row["after"]) for row in record.table().to_pylist()]
    assert told == [(None, None, None), (None, None, None), ("another", None, '{"note 2": {"on": ["u-4712"]}}')]
    assert record.verify()["problems"] == []
