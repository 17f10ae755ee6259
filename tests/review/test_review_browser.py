"""A review by keyboard alone in a real Chromium: how long a key takes, what a reload keeps, two people, and who cannot see or hear it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.review_questions import OpenReview, Reviews
from tests.dashboards.running import CHROMIUM, browser
from tests.dashboards.test_browser import complaints, open_page
from tests.review.access import SERIOUS, Violation, violations
from tests.review.conftest import RULE, ask, rows
from tests.review.pictures import LOOKS, sized
from tests.review.states import states
from tests.review.watching import WATCH, at_desk, becomes, heading, key, says, under_load, whose
from tests.support.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")]

ITEMS = 50
SLOW, SLOW_S, QUICK_S = 5, float(os.environ.get("REVIEW_SLOW_S", "3")), float(os.environ.get("REVIEW_QUICK_S", "0.7"))
"""Answers that are read for long, and how long; the full dwell (30 s and 2 s) is asked for by the environment."""

BAR_MS = 300


@pytest.fixture
def url(agent: Agent) -> Iterator[str]:
    with serving(Answers(agent), whose) as served:
        yield served


@pytest.fixture
def shown(url: str, tmp_path: Path) -> Iterator[str]:
    with at_desk(url, tmp_path / "desk") as served:
        yield served


def test_fifty_answers_by_keyboard_alone(agent: Agent, shown: str) -> None:
    review = str(ask(agent, OpenReview(size=100, rules=(RULE,)))["id"])
    with browser() as driver, under_load(agent) as came:
        began = time.monotonic()
        open_page(driver, f"{shown}/review?review={review}")
        took = _judged(driver, range(ITEMS // 2))
        driver.refresh()
        took += _judged(driver, range(ITEMS // 2, ITEMS))
        fed = sum(came) / (time.monotonic() - began)
        assert complaints(driver) == []
    told = rows(agent, "SELECT count(*) AS n, count(DISTINCT unit_id) AS units FROM labels")
    assert told == [{"n": ITEMS, "units": ITEMS}], "nothing lost, nothing twice"
    assert ask(agent, Reviews())[0]["n_done"] == ITEMS
    p50, p95 = np.percentile(took, [50, 95])
    print(
        f"\n{SLOW} answers read for {SLOW_S:g} s and {ITEMS - SLOW} for {QUICK_S:g} s while {fed:.0f} interactions a second came in: "
        f"key to next answer over {len(took)}: p50 {p50:.0f} ms, p95 {p95:.0f} ms (bar {BAR_MS}), most {max(took):.0f} ms"
    )


def _judged(driver: Chrome, numbers: range) -> list[float]:
    """Judge so many answers by keys, and return how long each key took, in milliseconds."""
    becomes(lambda: heading(driver))
    driver.execute_script(WATCH)
    for number in numbers:
        time.sleep(SLOW_S if number < SLOW else QUICK_S)
        before = heading(driver)
        key(driver, "2" if number % 10 == 9 else "1")
        becomes(lambda before=before: heading(driver) not in {"", before})  # type: ignore[misc]
    took: list[float] = driver.execute_script("return window.took")
    return took


def test_a_reload_keeps_what_was_begun(agent: Agent, shown: str) -> None:
    review = str(ask(agent, OpenReview(size=40, rules=(RULE, "PRIV-01")))["id"])
    with browser() as driver:
        open_page(driver, f"{shown}/review?review={review}")
        before = becomes(lambda: heading(driver))
        for pressed, wanted in (
            ("a", "next key is for this rule"),
            ("2", "You say: violates"),
            ("n", "A better answer"),
        ):
            key(driver, pressed)
            says(driver, wanted)
        note = _note(driver)
        note.send_keys("declines a plain question", Keys.CONTROL, Keys.ENTER)
        becomes(lambda: _draft(agent).get("note"))
        driver.refresh()
        says(driver, "You say: violates")
        assert heading(driver) == before
        assert _note(driver).get_attribute("value") == "declines a plain question"
        key(driver, "1")
        says(driver, "You said: violates (Help, do not decline), complies (Never reveal")
    told = rows(agent, "SELECT rule_id, verdict, note FROM labels ORDER BY rule_id")
    assert [(row["rule_id"], row["verdict"]) for row in told] == [(RULE, "violates"), ("PRIV-01", "complies")]
    assert {row["note"] for row in told} == {"declines a plain question"}


def _note(driver: Chrome) -> WebElement:
    """The field for a note, which the browser draws a moment after its name."""
    found: list[WebElement] = becomes(
        lambda: driver.find_elements(By.CSS_SELECTOR, "textarea[placeholder='why you say so']")
    )
    return found[0]


def _draft(agent: Agent) -> dict[str, Any]:
    with agent.desk.state.transaction() as txn:
        kept = txn.exec_driver_sql("SELECT max(draft) FROM review_desks").scalar() or ""
    return {"note": kept} if "declines a plain question" in kept else {}


def test_two_people_judge_one_review_and_meet_on_what_two_must_see(agent: Agent, url: str, tmp_path: Path) -> None:
    review = str(ask(agent, OpenReview(size=24, rules=(RULE,)))["id"])
    needs = {row["unit_id"]: row["state"] for row in rows(agent, "SELECT unit_id, state FROM review_items")}
    with (
        at_desk(url, tmp_path / "ana", "ana") as hers,
        at_desk(url, tmp_path / "ben", "ben") as his,
        browser() as ana,
        browser() as ben,
    ):
        for driver, page in ((ana, hers), (ben, his)):
            open_page(driver, f"{page}/review?review={review}")
        for driver, pressed in cycle(((ana, "1"), (ben, "2"))):
            if not becomes(lambda driver=driver: heading(driver) or _over(driver)).startswith("Answer "):  # type: ignore[misc]
                break
            before = heading(driver)
            key(driver, pressed)
            becomes(lambda driver=driver, before=before: _over(driver) or heading(driver) not in {"", before})  # type: ignore[misc]
        for driver in (ana, ben):
            _finish(driver)
        assert (complaints(ana), complaints(ben)) == ([], [])
    told = rows(agent, "SELECT unit_id, count(*) AS n, count(DISTINCT person) AS people FROM labels GROUP BY unit_id")
    assert {row["unit_id"] for row in told} == {*needs}
    assert all(row["n"] == row["people"] for row in told), "nobody is asked the same twice"
    states_now = rows(agent, "SELECT state, count(*) AS n FROM review_items GROUP BY state")
    assert states_now == [{"state": "done", "n": len(needs)}]
    split = [row for row in told if row["people"] == 2]
    print(f"\ntwo people, {len(needs)} answers: {len(split)} judged by both, who differ on all of them")
    assert split, "some answers are for two"
    assert len(ask(agent, Reviews())) == 1


def _over(driver: Chrome) -> str:
    told = driver.find_element(By.TAG_NAME, "body").text
    return "over" if "Nothing is left for you" in told or "Nothing here waits for you" in told else ""


def _finish(driver: Chrome) -> None:
    """Judge what is left."""
    driver.refresh()
    while becomes(lambda: heading(driver) or _over(driver)) != "over":
        before = heading(driver)
        key(driver, "1")
        becomes(lambda before=before: _over(driver) or heading(driver) not in {"", before})  # type: ignore[misc]


def test_every_state_is_within_reach_of_everybody(agent: Agent, shown: str) -> None:
    theirs: set[tuple[str, str]] = set()
    with browser() as driver:
        for name in states(driver, agent, shown):
            for width in LOOKS:
                sized(driver, width)
                found = [one for one in violations(driver) if one.impact in SERIOUS]
                assert [one for one in found if not one.streamlits] == [], f"{name} at {width} px"
                theirs |= {(one.rule, _tag(one)) for one in found}
                wide = driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth + 1")
                assert wide, f"{name} scrolls sideways at {width} px"
            sized(driver, next(iter(LOOKS)))
        assert complaints(driver) == []
    print("\nserious, and Streamlit's own:", *sorted(f"{rule} of {tag}" for rule, tag in theirs), sep="\n  ")


def _tag(one: Violation) -> str:
    return one.html.partition(" ")[0].lstrip("<")
