"""Every route of the api, as it is declared, for every role and for every credential that is none (any more)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from starlette.routing import Route

from collectors.doors.keys import add_key
from plumbline.answers import Answers
from plumbline.api.question import Scope
from plumbline.api.questions import QUESTIONS, Status
from plumbline.api.server import create_app
from plumbline.people.register import ROLES
from tests.people.conftest import TOKEN, Office
from tests.support.serving import serving

NO_SCOPE = {"/healthz"}
OWN: dict[str, Scope] = {"/readyz": Status.scope, "/metrics": Status.scope, "/v1/jobs/{id}": "operate"}
PASSWORD = "correct horse battery"


def routes() -> list[tuple[str, str, Scope | None]]:
    """Method, path and scope of every route that the app serves; one without a declaration fails here."""
    declared: dict[tuple[str, str], Scope] = {(asked.method, asked.path): asked.scope for asked in QUESTIONS}
    app = create_app(Answers(None), lambda _, __: None, "127.0.0.1")  # type: ignore[arg-type]  # nobody is asked
    found: list[tuple[str, str, Scope | None]] = []
    for route in app.routes:
        assert isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            scope = None if route.path in NO_SCOPE else OWN.get(route.path) or declared[method, route.path]
            found.append((method, route.path, scope))
    return found


ROUTES = routes()


SIGN_OUT = ("POST", "/v1/sign-out")


def statuses(url: str, secret: str | None, *, but: tuple[str, str] | None = None) -> dict[tuple[str, str], int]:
    """What each route answers where parameters and body are nonsense: 401 and 403 come before anybody reads them."""
    bearer = {} if secret is None else {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=url, headers=bearer, trust_env=False) as http:
        return {
            (method, path): http.request(
                method,
                path.replace("{id:path}", "x").replace("{id}", "x").replace("{name}", "x"),
                params={"no": "such"},
            ).status_code
            for method, path, _ in ROUTES
            if (method, path) != but
        }


def test_every_question_has_a_route_and_every_route_a_scope() -> None:
    assert {(method, path) for method, path, _ in ROUTES} >= {(asked.method, asked.path) for asked in QUESTIONS}
    assert [path for _, path, scope in ROUTES if scope is None] == ["/healthz"]


@pytest.mark.parametrize("how", ["key", "session"])
@pytest.mark.parametrize("role", ROLES)
def test_every_role_reaches_what_its_scopes_reach(office: Office, role: str, how: str) -> None:
    access = office.agent.access
    secret = access.register.add("kim", role)  # type: ignore[arg-type]  # the keys of ROLES
    if how == "session":
        access.sign_in.set_password("kim", PASSWORD)
        secret = access.sign_in.by_password("kim", PASSWORD)["session"]
    with serving(Answers(office.agent), access.register.credentials(TOKEN)) as url:
        told = statuses(url, secret, but=SIGN_OUT)  # that would end the very session that asks
    scopes = {(method, path): scope for method, path, scope in ROUTES}
    for route, status in told.items():
        may = scopes[route] is None or scopes[route] in ROLES[role]  # type: ignore[index]  # as above
        assert (status == 403) == (not may), (route, status)
        assert status != 401


def expired(office: Office) -> str:
    secret = office.agent.access.sign_in.by_password("kim", PASSWORD)["session"]
    office.clock.advance(timedelta(days=31))
    return secret


def idle(office: Office) -> str:
    secret = office.agent.access.sign_in.by_password("kim", PASSWORD)["session"]
    office.clock.advance(timedelta(days=8))
    return secret


def signed_out(office: Office) -> str:
    secret = office.agent.access.sign_in.by_password("kim", PASSWORD)["session"]
    office.agent.access.register.sign_out("kim")
    return secret


def of_a_leaver(office: Office) -> str:
    secret = office.agent.access.register.add_key("kim", None)
    office.agent.access.register.revoke("kim")
    return secret


def of_a_door(office: Office) -> str:
    return add_key(office.agent.places.keys, "shop", office.clock.now())


def kept(office: Office) -> str:
    """What somebody who has read the control state could try."""
    with office.agent.desk.state.transaction() as txn:
        return str(txn.exec_driver_sql("SELECT digest FROM credentials WHERE kind = 'token'").scalar())


NONE: dict[str, Callable[[Office], str | None]] = {
    "none": lambda _: None,
    "foreign": lambda _: "f" * 43,
    "almost the token": lambda _: f"{TOKEN}x",
    "the digest that is kept": kept,
    "expired session": expired,
    "idle session": idle,
    "ended session": signed_out,
    "key of a leaver": of_a_leaver,
    "key of a door": of_a_door,
}


@pytest.mark.parametrize("kind", NONE)
def test_who_is_not_known_reaches_nothing(office: Office, kind: str) -> None:
    office.agent.access.register.add("kim", "admin")
    office.agent.access.sign_in.set_password("kim", PASSWORD)
    credentials = office.agent.access.register.credentials(TOKEN)
    secret = NONE[kind](office)
    with serving(Answers(office.agent), credentials) as url:
        told = statuses(url, secret)
    assert {path for (_, path), status in told.items() if status != 401} == NO_SCOPE
