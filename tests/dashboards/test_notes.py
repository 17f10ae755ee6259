"""The write path of pages, by its first use: a note is sent once, and what became of it is said beside the control."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboards.conftest import Served
from tests.dashboards.one_view import run, texts
from tests.dashboards.running import N_TURNS

TRACE = f"{N_TURNS - 40:032x}"


@pytest.fixture
def served(full: Served) -> Iterator[Served]:
    agent = full.agent
    before = (agent.scopes, agent.refusal)
    yield full
    agent.scopes, agent.refusal = before
    agent.notes.clear()


def opened(served: Served) -> AppTest:
    page = run("traces", served.url, served.token, {"trace": TRACE})
    assert not page.exception
    return page


def write(page: AppTest, text: str) -> AppTest:
    page.text_area[0].set_value(text)
    return next(button for button in page.button if button.label == "Add note").click().run()


def test_a_note_is_written_and_shown_with_its_author(served: Served) -> None:
    page = write(opened(served), "looked at it <b>twice</b>")
    assert [note["text"] for note in served.agent.notes] == ["looked at it <b>twice</b>"]
    assert [element.value for element in page.success] == ["The note was added\\."]
    assert "looked at it <b>twice</b>" in texts(page)
    assert "anna" in texts(page)
    assert not page.run().success  # said once


def test_why_not_is_said_beside_the_control_and_the_next_try_is_a_new_command(served: Served) -> None:
    served.agent.refusal = "no *such* trace"
    page = write(opened(served), "first")
    assert "no \\*such\\* trace" in page.error[0].value
    refused = [key for key in served.agent.keys if key]
    served.agent.refusal = ""
    write(page, "second")
    sent = [key for key in served.agent.keys if key]
    assert len(sent) == len(refused) + 1
    assert sent[-1] != refused[-1]


def test_who_may_not_sees_why_in_place_of_the_form(served: Served) -> None:
    served.agent.scopes = ["read"]
    fresh = Served(served.agent, served.url.replace("127.0.0.1", "localhost"), served.token)
    page = opened(fresh)
    assert not page.text_area
    assert "Your role does not allow this" in texts(page)
