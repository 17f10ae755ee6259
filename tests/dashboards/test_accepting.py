"""The Drift page acts: a change is called the new normal with a reason; two stretches of time are compared on request."""

from __future__ import annotations

from plumbline.api.finding_questions import AcceptFinding, WindowReport
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import press, run, texts

FINDING = "f1refusal0000001"


def test_a_change_is_accepted_with_a_reason_and_not_without(served: Served) -> None:
    page = run("drift", served.url, served.token, {"finding": FINDING})
    page = press(page, "Accept as the new normal")
    assert "A reason is needed" in page.warning[0].value
    next(field for field in page.text_input if field.label == "Reason").set_value("the new model is meant")
    page = press(page, "Accept as the new normal")
    assert AcceptFinding(FINDING, "the new model is meant") in served.agent.asked
    assert "It is the new normal" in page.success[0].value


def test_why_a_change_is_not_accepted_is_said_and_what_is_over_has_no_form(served: Served) -> None:
    served.agent.refusal = f"finding {FINDING} is returned"
    page = run("drift", served.url, served.token, {"finding": FINDING})
    next(field for field in page.text_input if field.label == "Reason").set_value("why not")
    assert "is returned" in press(page, "Accept as the new normal").error[0].value
    over = run("drift", served.url, served.token, {"finding": "f2chars000000002"})
    assert not [button for button in over.button if button.label == "Accept as the new normal"]


def test_two_stretches_of_time_are_compared_on_request(served: Served) -> None:
    page = press(run("drift", served.url, served.token), "Prepare the report")
    assert not page.exception
    [asked] = [question for question in served.agent.asked if isinstance(question, WindowReport)]
    assert asked.against_end <= asked.start < asked.end
    assert asked.segment == "all"
    assert "budget of false alarms" in texts(page)
