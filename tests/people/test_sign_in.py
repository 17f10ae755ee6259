"""Signing in by a password or a provider: who gets a session, how long it stands, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from monitor.errors import NotFound, PlumblineError, TooMany, UsageError
from monitor.state import sign_ins
from tests.people.conftest import TOKEN, Office
from tests.support.oidc_stub import Lie

PASSWORD = "correct horse battery"


@pytest.fixture
def anna(office: Office) -> str:
    office.agent.access.register.add("anna@example.org", "reviewer")
    office.agent.access.sign_in.set_password("anna@example.org", PASSWORD)
    return "anna@example.org"


def holder(office: Office, secret: str) -> str | None:
    found = office.agent.access.register.credentials(TOKEN)(secret, "")
    return None if found is None else found.name


def by_password(office: Office, name: str, password: str = PASSWORD) -> str:
    return office.agent.access.sign_in.by_password(name, password)["session"]


def at_provider(office: Office) -> tuple[str, str]:
    """What the browser comes back with: state and code."""
    begun = office.agent.access.sign_in.begin()
    page = httpx.get(begun["url"], trust_env=False)
    assert page.is_success, office.stub.refusals
    back = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    told = parse_qs(urlsplit(back).query)
    assert told["state"] == [begun["state"]]
    return begun["state"], told["code"][0]


def test_a_password_opens_a_session_under_ones_own_name(office: Office, anna: str) -> None:
    assert holder(office, by_password(office, anna)) == anna
    assert office.acts()[-1] == (anna, None, "signin", "password")


def test_a_wrong_password_and_an_unknown_name_are_told_alike(office: Office, anna: str) -> None:
    office.agent.access.register.add("bert", "viewer")
    for name in (anna, "nobody", "bert"):
        with pytest.raises(UsageError, match=r"^name or password is wrong$"):
            by_password(office, name, "wrong password")
    assert ("(nobody)", None, "signin failed", "password") in office.acts()


def test_tries_in_vain_wait_longer_and_longer_and_a_right_one_waits_too(office: Office, anna: str) -> None:
    for _ in range(sign_ins.FREE):
        with pytest.raises(UsageError):
            by_password(office, anna, "wrong password")
    with pytest.raises(TooMany, match="wait 10 s"):
        by_password(office, anna)
    office.clock.advance(timedelta(seconds=11))
    with pytest.raises(UsageError):
        by_password(office, anna, "wrong password")
    with pytest.raises(TooMany, match="wait 20 s"):
        by_password(office, anna)
    office.clock.advance(timedelta(seconds=21))
    assert by_password(office, anna)
    with pytest.raises(UsageError):
        by_password(office, anna, "wrong password")


def test_many_names_in_a_row_are_slowed_down_as_one(office: Office) -> None:
    with office.agent.desk.state.transaction() as txn:
        for number in range(sign_ins.MOST):
            sign_ins.failed(txn, str(number), office.clock.now())
        assert sign_ins.wait(txn, "another", office.clock.now()) > timedelta()
        assert sign_ins.wait(txn, "another", office.clock.now() + timedelta(minutes=2)) == timedelta()


@pytest.mark.parametrize("password", ["short", "", "x" * 1001])
def test_a_bad_password_is_refused(office: Office, anna: str, password: str) -> None:
    with pytest.raises(UsageError, match="at least 10"):
        office.agent.access.sign_in.set_password(anna, password)
    with pytest.raises(NotFound):
        office.agent.access.sign_in.set_password("nobody", PASSWORD)


def test_a_session_ends_by_age_by_rest_by_a_new_password_and_with_its_holder(office: Office, anna: str) -> None:
    register = office.agent.access.register
    resting = by_password(office, anna)
    office.clock.advance(timedelta(days=6))
    assert holder(office, resting) == anna
    office.clock.advance(timedelta(days=6))
    assert holder(office, resting) == anna  # it was used in between
    office.clock.advance(timedelta(days=7))
    assert holder(office, resting) is None
    old = by_password(office, anna)
    for _ in range(6):
        office.clock.advance(timedelta(days=5))
        holder(office, old)
    assert holder(office, old) is None
    before = by_password(office, anna)
    office.agent.access.sign_in.set_password(anna, PASSWORD)
    assert holder(office, before) is None
    out = by_password(office, anna)
    assert register.sign_out(anna) == {"ended": 1}
    assert holder(office, out) is None
    last = by_password(office, anna)
    register.revoke(anna)
    assert holder(office, last) is None
    with pytest.raises(UsageError, match="wrong"):
        by_password(office, anna)


def test_signing_out_ends_one_session_and_is_on_record(office: Office, anna: str) -> None:
    one, two = by_password(office, anna), by_password(office, anna)
    actor = office.agent.access.register.credentials(TOKEN)(one, "")
    assert actor is not None
    office.agent.access.sign_out(actor)
    assert (holder(office, one), holder(office, two)) == (None, anna)
    assert office.acts()[-1] == (anna, None, "signout", "")


def test_what_is_kept_opens_nothing(office: Office, anna: str) -> None:
    session = by_password(office, anna)
    raw = (
        office.agent.places.control.read_bytes()
        + office.agent.places.control.with_name(office.agent.places.control.name + "-wal").read_bytes()
    )
    assert session.encode() not in raw
    assert PASSWORD.encode() not in raw
    assert TOKEN.encode() not in raw


def test_the_provider_names_who_it_is_and_its_short_token_ends_no_session(office: Office, anna: str) -> None:
    office.stub.lasts_s = 1
    session = office.agent.access.sign_in.finish(*at_provider(office))["session"]
    office.clock.advance(timedelta(days=6))
    assert holder(office, session) == anna
    assert office.acts()[-1] == (anna, None, "signin", "provider")
    assert not office.stub.refusals


@pytest.mark.usefixtures("anna")
def test_a_sign_in_is_finished_once_in_time_and_by_the_state_it_began_with(office: Office) -> None:
    state, code = at_provider(office)
    with pytest.raises(UsageError, match="begin again"):
        office.agent.access.sign_in.finish("another", code)
    office.agent.access.sign_in.finish(state, code)
    with pytest.raises(UsageError, match="begin again"):
        office.agent.access.sign_in.finish(state, code)
    late = at_provider(office)
    office.clock.advance(timedelta(minutes=11))
    with pytest.raises(UsageError, match="took too long"):
        office.agent.access.sign_in.finish(*late)


def test_a_stranger_whom_the_provider_knows_is_no_person_here(office: Office) -> None:
    with pytest.raises(UsageError, match="not among the people"):
        office.agent.access.sign_in.finish(*at_provider(office))


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    "lie",
    [
        *("nonce", "audience", "expired", "issuer", "foreign key", "symmetric", "none", "unverified", "party"),
        "no token",
    ],
)
def test_a_provider_that_lies_signs_nobody_in(office: Office, lie: Lie) -> None:
    office.stub.lie = lie
    with pytest.raises(UsageError):
        office.agent.access.sign_in.finish(*at_provider(office))
    assert office.agent.access.register.people()[0]["sessions"] == 0


def test_a_key_that_the_provider_changed_is_fetched_anew(office: Office, anna: str) -> None:
    office.agent.access.sign_in.finish(*at_provider(office))
    office.stub.key = type(office.stub.key).generate_key(2048, {"kid": "one"})
    assert office.agent.access.sign_in.finish(*at_provider(office))["name"] == anna


def test_an_issuer_that_calls_itself_otherwise_is_refused(office: Office) -> None:
    office.stub.issuer += "/other"
    with pytest.raises(PlumblineError, match="another issuer"):
        office.agent.access.sign_in.begin()
