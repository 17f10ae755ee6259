"""Before an experiment starts the page says how long it would take, of one application, in the words of its rules."""

from __future__ import annotations

from plumbline.api.experiment_questions import ExperimentPlan
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import press, run, texts


def test_how_long_an_experiment_takes_is_asked_in_points_and_answered_in_a_sentence(served: Served) -> None:
    page = press(run("experiments", served.url, served.token, {"app": "support-assistant"}), "How long?")
    assert not page.exception
    [asked] = [question for question in served.agent.asked if isinstance(question, ExperimentPlan)]
    assert (asked.app, asked.smallest, asked.arms) == ("support-assistant", 0.05, 2)
    assert asked.metric.startswith("rule:")
    assert "About 12 days for 5 points." in texts(page)


def test_a_difference_of_a_time_is_in_its_own_unit(served: Served) -> None:
    page = run("experiments", served.url, served.token, {"app": "support-assistant"})
    page.selectbox[-1].set_value("duration_ms")
    next(field for field in page.number_input if field.label.startswith("Smallest")).set_value(200.0)
    press(page, "How long?")
    assert ExperimentPlan("support-assistant", "duration_ms", 200.0) in served.agent.asked


def test_over_all_applications_nothing_is_asked(served: Served) -> None:
    page = run("experiments", served.url, served.token)
    assert "Choose one application" in texts(page)
    assert not [button for button in page.button if button.label == "How long?"]


def test_a_choice_shows_the_title_of_a_rule_as_it_is_written(served: Served) -> None:
    """Choices are no Markdown: an escaped apostrophe would be read with its backslash."""
    page = run("experiments", served.url, served.token, {"app": "support-assistant"})
    options = page.selectbox[-1].options
    assert any("'" in option for option in options)
    assert not any("\\" in option for option in options)
