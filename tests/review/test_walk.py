"""A whole review over the pages: two people judge, a third decides what they disagree on, and the rate on Quality says who checked it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.review_questions import OpenReview
from tests.dashboards.one_view import run, texts
from tests.review.conftest import RULE, ask, rows
from tests.review.test_page import OPENED, press_button, seat
from tests.review.watching import whose
from tests.support.fake_api import TOKEN
from tests.support.serving import serving

ITEMS = 40


@pytest.fixture
def url(agent: Agent) -> Iterator[str]:
    with serving(Answers(agent), whose) as served:
        yield served
    while OPENED:
        OPENED.pop().session_state["source"].close()


@pytest.fixture
def key_of(tmp_path: Path) -> dict[str, Path]:
    keys = {name: tmp_path / name for name in ("owner", "ana", "ben", "cleo")}
    for name, path in keys.items():
        path.write_text(TOKEN if name == "owner" else f"{name} at desk")
    return keys


def judge_all(page: AppTest, verdict: str) -> int:
    """Press the same key until nothing is left, and return how often."""
    pressed = 0
    while any(button.key == f"verdict-{verdict}" for button in page.button):
        page = press_button(page, f"verdict-{verdict}")
        pressed += 1
    return pressed


def quality(url: str, key: Path) -> str:
    return texts(run("quality", url, key, {"range": "all"}))


def decided(page: AppTest, verdict: str) -> AppTest:
    for radio, chosen in zip(page.radio[:2], (verdict, "slip"), strict=True):
        radio.set_value(chosen)
    return next(button for button in page.button if button.label == "Decide").click().run()


def published(agent: Agent) -> dict[str, Any]:
    [row] = rows(agent, f"SELECT n_human, value, method FROM estimates WHERE rule_id = '{RULE}'")
    return row


@pytest.mark.slow
def test_from_the_first_key_to_the_rate_on_quality(agent: Agent, url: str, key_of: dict[str, Path]) -> None:
    before, said = published(agent), quality(url, key_of["owner"])
    assert before["method"].endswith("not corrected by human labels")
    assert "Nobody has checked this." in said
    assert "Checked by people" not in said

    review = str(ask(agent, OpenReview(size=ITEMS, rules=(RULE,)))["id"])
    assert judge_all(seat(url, key_of["ana"], review), "complies") == ITEMS
    split = judge_all(seat(url, key_of["ben"], review), "violates")
    assert split > 1, "some answers are for two"
    theirs = seat(url, key_of["ben"], review, part="Disagreements")
    assert [one.value for one in theirs.caption].count("A third person decides: you are one of the two.") == split
    page = seat(url, key_of["cleo"], review, part="Disagreements")
    for _ in range(split):
        page = decided(page, "complies")
        assert not page.exception
    assert "Nobody disagrees, or everything is decided." in texts(page)

    results = seat(url, key_of["cleo"], review, part="Results")
    assert "found 0: between 0 % and" in texts(results)
    press_button(results, "close")
    agent.cycle()
    after = published(agent)
    assert (before["n_human"], after["n_human"]) == (0, ITEMS)
    assert after["value"] < before["value"], "people found nothing wrong with what graders had flagged"
    assert not after["method"].endswith("not corrected by human labels")
    assert f"Checked by people: {ITEMS} answers" in quality(url, key_of["owner"])
