"""What somebody asks to have erased is told to admins on the first page; they erase it after a second press, or refuse."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from plumbline.api.erasure_questions import AskErasure, GrantErasure, RefuseErasure
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import run, texts
from tests.dashboards.running import N_TURNS

REQUEST: dict[str, Any] = {
    "number": 7,
    "trace_id": "a1" * 16,
    "apps": ["shop"],
    "reason": "a card <b>4111</b>, see [here](http://x)",
    "asked_by": "rea",
    "asked_at": "2026-03-01T12:00:00Z",
    "outcome": None,
}


@pytest.fixture
def served(full: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    for name in ("refusal", "scopes"):
        monkeypatch.setattr(full.agent, name, getattr(full.agent, name))
    monkeypatch.setattr(full.agent, "requests", [REQUEST, REQUEST | {"number": 8, "outcome": "refused"}])
    monkeypatch.setitem(full.agent.status, "erasures", {"waiting": 1})
    full.agent.asked.clear()
    return full


def opened(served: Served, host: str = "localhost") -> AppTest:
    page = run("overview", served.url.replace("127.0.0.1", host), served.token)
    assert not page.exception
    return page


def pressed(page: AppTest, words: str) -> AppTest:
    done = next(button for button in page.button if button.label == words).click().run()
    assert not done.exception
    return done


def sent(served: Served, kind: type[Any]) -> list[Any]:
    return [asked for asked in served.agent.asked if isinstance(asked, kind)]


def test_an_admin_reads_who_asks_why_and_erases_it(served: Served) -> None:
    page = opened(served)
    said = texts(page)
    assert "rea asks to erase an answer of shop" in said
    assert f"trace {'a1' * 16}" in said
    assert "Request 8" not in said
    assert not any("[here](" in one.value and "\\[" not in one.value for one in page.markdown)
    page = pressed(page, "Yes, erase it")
    assert [asked.number for asked in sent(served, GrantErasure)] == [7]
    assert "The trace is erased" in page.success[0].value
    assert "asks to erase" not in texts(page)


def test_why_it_is_not_erased_is_said(served: Served) -> None:
    served.agent.refusal = "part of it is on hold 3"
    page = pressed(opened(served), "Yes, erase it")
    assert "on hold 3" in page.error[0].value
    assert "rea asks to erase" in texts(page)


def test_an_admin_refuses_with_a_reason(served: Served) -> None:
    page = opened(served)
    next(area for area in page.text_area if area.label == "Why it stays").set_value("evidence")
    page = pressed(page, "Refuse it")
    assert [(asked.number, asked.reason) for asked in sent(served, RefuseErasure)] == [(7, "evidence")]
    assert "Request 7 is refused" in page.success[0].value


def test_who_may_not_erase_sees_no_button(served: Served) -> None:
    served.agent.scopes = ["read", "review"]
    assert "asks to erase" not in texts(opened(served))


def test_a_trace_has_a_button_that_asks(served: Served) -> None:
    trace = f"{N_TURNS - 40:032x}"
    page = run("traces", served.url, served.token, {"trace": trace})
    page = pressed(page, "Ask for its erasure")
    [asked] = sent(served, AskErasure)
    assert asked.id == trace
    assert "An admin is asked to erase it" in page.success[0].value
