"""The review page over a real agent: keys judge, what is begun survives a reload, nothing is told before one's own word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.review_keys import Marks, choose, complete, minutes_left, press, reveal
from dashboards.views.quality import checked_by_people
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.erasure_questions import ErasureRequests, GrantErasure
from plumbline.api.review_questions import CloseReview, OpenReview, Reviews
from plumbline.api.seat_questions import CommitItem, TakeItems
from tests.dashboards.one_view import texts
from tests.review.conftest import RULE, ask, rows
from tests.support.fake_api import TOKEN
from tests.support.serving import serving

SCRIPT = Path(__file__).with_name("review_script.py")
OPENED: list[AppTest] = []
RULES = ["PRIV-01", "HELP-01", "SEC-01"]


def test_one_key_says_it_of_all_rules_and_a_violation_is_of_one() -> None:
    fine = press(Marks(), RULES, "complies")
    assert complete(fine, RULES)
    which = press(Marks(), RULES, "violates")
    assert which.said == {}
    assert which.hint == "Which rule? Press A or B or D first."
    one = press(choose(which, "HELP-01"), RULES, "violates")
    assert one.said == {"HELP-01": "violates"}
    rest = press(one, RULES, "complies")
    assert rest.said == {"HELP-01": "violates", "PRIV-01": "complies", "SEC-01": "complies"}
    assert press(Marks(), RULES[:1], "violates").said == {"PRIV-01": "violates"}
    assert choose(choose(Marks(), "SEC-01"), "SEC-01").chosen is None


def test_what_others_say_is_one_line_and_the_pace_is_minutes() -> None:
    told = {
        "machine": [{"rule_id": "HELP-01", "verdict": "violates"}, {"rule_id": "PRIV-01", "verdict": "complies"}],
        "others": [{"person": "ben", "rule_id": "HELP-01", "verdict": "cannot_judge"}],
    }
    assert reveal(told) == "The grader says: violates (HELP-01), complies (PRIV-01). ben says: cannot judge (HELP-01)."
    assert reveal({}) == "No grader and nobody else has judged it."
    assert (minutes_left(36, 24, 24 * 30.0), minutes_left(40, 0, 0.0), minutes_left(0, 3, 1.0)) == (18, 20, 0)


def test_who_checked_a_rate_is_a_sentence() -> None:
    row = {"window_start": "2026-11-02T00:00:00", "n_human": 0}
    assert checked_by_people([row]) == "Nobody has checked this."
    looked = [row | {"n_human": 40}, row | {"n_human": 1000, "window_start": "2026-11-09T00:00:00"}]
    assert checked_by_people(looked) == "Checked by people: 1,040 answers, the newest of 9 Nov 2026."


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Let go of the connections of the pages that a test opened."""
    yield
    while OPENED:
        OPENED.pop().session_state["source"].close()


@pytest.fixture
def url(agent: Agent) -> Iterator[str]:
    with serving(Answers(agent), TOKEN) as served:
        yield served


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "page-token"
    path.write_text(TOKEN)
    return path


def opened(agent: Agent, rules: tuple[str, ...] = (RULE,)) -> str:
    return str(ask(agent, OpenReview(size=40, rules=rules))["id"])


def seat(url: str, token: Path, review: str = "", **params: str) -> AppTest:
    page = AppTest.from_file(SCRIPT, default_timeout=30)
    page.session_state["api"], page.session_state["token"] = url, str(token)
    for name, value in {"review": review, **params}.items():
        page.query_params[name] = value
    OPENED.append(page)
    page.run()
    assert not page.exception
    return page


def press_button(page: AppTest, key: str) -> AppTest:
    done = next(button for button in page.button if button.key == key).click().run()
    assert not done.exception
    return done


def judged(agent: Agent) -> list[dict[str, Any]]:
    return rows(agent, 'SELECT unit_id, rule_id, verdict, note FROM labels ORDER BY "at"')


def test_judging_undoing_and_reloading(agent: Agent, url: str, token: Path) -> None:
    review = opened(agent)
    page = seat(url, token, review)
    before = texts(page)
    assert "The first answer." in before
    assert "grader" not in before
    page = press_button(page, "verdict-violates")
    assert [row["verdict"] for row in judged(agent)] == ["violates"]
    assert "You said: violates. The grader says:" in texts(page)
    page = press_button(page, "undo")
    assert judged(agent) == []
    page = press_button(page, "verdict-complies")
    press_button(seat(url, token, review), "verdict-complies")
    assert [row["verdict"] for row in judged(agent)] == ["complies", "complies"]
    assert ask(agent, Reviews())[0]["n_done"] == 2


def test_a_judged_answer_becomes_a_case_and_a_request_to_erase(agent: Agent, url: str, token: Path) -> None:
    page = press_button(seat(url, token, opened(agent)), "verdict-violates")
    [unit] = [row["unit_id"] for row in judged(agent)]
    shown = press_button(page, f"case-{RULE}-{unit}").code
    case = next(json.loads(one.value) for one in shown if one.value.startswith("{"))
    assert (case["label"], case["labelled_by"], case["provenance"]["trace"]) == ("violates", "person", unit)
    assert case["output"]
    page = press_button(page, f"example-{RULE}-{unit}")
    assert "no policy of your folder has a rule" in texts(page)
    assert "An admin is asked to erase it" in page_texts(press_button(page, f"erase-{unit}"))
    [request] = ask(agent, ErasureRequests())
    assert (request["trace_id"], request["outcome"]) == (unit, None)
    assert "somebody found in a review" in request["reason"]
    ask(agent, GrantErasure(request["number"]))
    assert judged(agent) == []
    page.run()
    assert not page.exception


def page_texts(page: AppTest) -> str:
    return " ".join(str(one.value) for one in page.success)


def test_what_is_begun_survives_a_reload(agent: Agent, url: str, token: Path) -> None:
    review = opened(agent, (RULE, "PRIV-01"))
    page = press_button(seat(url, token, review), "rule-A")
    page = press_button(page, "verdict-violates")
    page = press_button(page, "note")
    note = next(area for area in page.text_area if str(area.key).startswith("note-"))
    note.set_value("odd").run()
    assert judged(agent) == []
    again = seat(url, token, review)
    assert "odd" in [area.value for area in again.text_area]
    assert any("You say: violates" in badge.value for badge in again.markdown)
    press_button(again, "verdict-complies")
    assert sorted((row["verdict"], row["note"]) for row in judged(agent)) == [("complies", "odd"), ("violates", "odd")]


def test_the_other_states(agent: Agent, url: str, token: Path) -> None:
    nothing = seat(url, token)
    assert "No review yet" in texts(nothing)
    review = opened(agent)
    seat(url, token)
    unit = ask(agent, TakeItems(review, most=1), "ana")["items"][0]["unit_id"]
    ask(agent, CommitItem(review, unit, {RULE: "violates"}), "ana")
    ask(agent, CommitItem(review, unit, {RULE: "complies"}), "ben")
    split = seat(url, token, review, part="Disagreements")
    assert "ana: violates" in texts(split)
    decide = next(button for button in split.button if button.label == "Decide")
    assert [warning.value for warning in decide.click().run().warning] == ["Choose what it is, and why they disagree."]
    for radio, chosen in zip(split.radio, ("violates", "grey_area"), strict=True):
        radio.set_value(chosen)
    split = next(button for button in split.button if button.label == "Decide").click().run()
    assert not split.exception
    assert [element.value for element in split.success] == ["Decided."]
    about = seat(url, token, review, part="About")
    assert "draws the same list again" in texts(about)
    ask(agent, CloseReview(review))
    done = seat(url, token, review)
    assert "You reviewed" in texts(done)
    assert "were not judged: whatever they are" in texts(done)
    done.text_area[0].set_value("fine this week")
    done = next(button for button in done.button if button.label == "Sign off").click().run()
    assert ask(agent, Reviews())[0]["minutes"] == "fine this week"
    assert "There is no review of this name." in texts(seat(url, token, "1999-01-01"))
