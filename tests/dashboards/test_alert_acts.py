"""People act on the alert they look at; the command names it, and what became of it stands beside the control."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from dashboards.alert_acts import standing
from plumbline.api.alert_questions import AckAlert, CloseAlert, SilenceAlert
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import press, run, texts

FIRES = "a1b2c3d4e5f60001"


def opened(served: Served) -> AppTest:
    page = run("alerts", served.url, served.token, {"alert": FIRES})
    assert not page.exception
    return page


def test_it_is_called_by_its_title_and_taken_up_with_one_press(served: Served) -> None:
    page = opened(served)
    assert [title.value for title in page.title] == ["Refuses what it should answer"]
    page = press(page, "I take this up")
    assert AckAlert(FIRES) in served.agent.asked
    assert [element.value for element in page.success] == ["You have taken it up\\."]


def test_a_silence_carries_its_reason_and_its_end(served: Served) -> None:
    page = opened(served)
    next(box for box in page.text_input if box.label == "Why").set_value("we are deploying")
    press(page, "Silence it")
    assert SilenceAlert(FIRES, "we are deploying", "1h") in served.agent.asked


def test_closing_says_whether_it_was_worth_its_message(served: Served) -> None:
    page = opened(served)
    page.radio[0].set_value("it was not useful")
    press(page, "Close it")
    assert CloseAlert(FIRES, useful=False) in served.agent.asked


def test_why_not_is_said_and_who_may_not_sees_no_control(served: Served) -> None:
    page = press(opened(served), "Silence it")
    assert "a silence needs a reason" in page.error[0].value
    served.agent.refusal = "this alert is resolved"
    assert "this alert is resolved" in press(opened(served), "I take this up").error[0].value
    served.agent.scopes = ["read"]
    page = opened(served)
    assert "I take this up" not in [button.label for button in page.button]
    assert "Your role does not allow this" in texts(page)


def test_who_has_it_is_a_sentence() -> None:
    row = {"acked_by": "mira", "acked_at": "2026-03-02T09:01:00", "silenced_until": "2026-03-02T13:00:00"}
    assert standing(row) == "Taken up by mira, 2 Mar 2026, 09:01 UTC. Silent until 2 Mar 2026, 13:00 UTC."
    assert (
        standing(row | {"acked_by": None, "silenced_until": "9999-12-31T00:00:00"}) == "Silent until it is good again."
    )
    assert not standing({"acked_by": None, "silenced_until": None})
