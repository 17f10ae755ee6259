"""A review by keyboard alone in a real Chromium: how long a key takes, what a reload keeps, how each state looks."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.review_questions import CloseReview, OpenReview, Reviews
from plumbline.api.seat_questions import CommitItem, TakeItems
from tests.acceptance.traffic import records, spooled
from tests.dashboards.running import CHROMIUM, browser, dashboard
from tests.dashboards.test_browser import complaints, open_page
from tests.review.conftest import RULE, ask, rows
from tests.support.fake_api import TOKEN
from tests.support.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")]

SHOTS = Path(os.environ.get("REVIEW_SHOTS", "/tmp/shots-review"))  # noqa: S108 - pictures for whoever looks
ITEMS = 50
SLOW, SLOW_S, QUICK_S = 5, float(os.environ.get("REVIEW_SLOW_S", "3")), float(os.environ.get("REVIEW_QUICK_S", "0.7"))
"""Answers that are read for long, and how long; the full dwell (30 s and 2 s) is asked for by the environment."""

WATCH = """
window.took = []; window.pressed = null;
const shown = () => [...document.querySelectorAll('h3')].map(h => h.innerText).find(t => t.startsWith('Answer ')) || '';
let before = shown();
document.addEventListener('keydown', e => { if ('1230su'.includes(e.key)) { window.pressed = performance.now(); before = shown(); } }, true);
const look = () => {
  if (window.pressed !== null && shown() !== '' && shown() !== before) {
    window.took.push(performance.now() - window.pressed); window.pressed = null; before = shown(); }
  requestAnimationFrame(look); };
look();
"""


@pytest.fixture
def url(agent: Agent) -> Iterator[str]:
    with serving(Answers(agent), TOKEN) as served:
        yield served


@pytest.fixture
def shown(url: str, tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "dashboard"
    folder.mkdir()
    with dashboard(url, folder) as served:
        yield served


@contextmanager
def under_load(agent: Agent) -> Iterator[None]:
    """500 interactions a second come in, are loaded and finished as the timetable does it."""
    stop, rounds = threading.Event(), count()

    def feed() -> None:
        while not stop.is_set():
            number, began = next(rounds), time.monotonic()
            fresh = ({**row, "id": f"load{number}-{n}"} for n, row in enumerate(records(250, swap=None)))
            spooled(agent.places.spool, fresh)
            agent.load()
            stop.wait(max(0.0, 0.5 - (time.monotonic() - began)))

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def becomes(met: Callable[[], Any], seconds: float = 20) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        told = met()
        if told:
            return told
        time.sleep(0.02)
    pytest.fail("never came")


def key(driver: Chrome, pressed: str) -> None:
    driver.find_element(By.TAG_NAME, "body").send_keys(pressed)


def heading(driver: Chrome) -> str:
    told: str = driver.execute_script(
        "return [...document.querySelectorAll('h3')].map(h => h.innerText).find(t => t.startsWith('Answer ')) || ''"
    )
    return told


def shoot(driver: Chrome, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    time.sleep(0.5)
    for width, height in ((1280, 900), (375, 900)):
        driver.set_window_size(width, height)
        if width < 500:
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True},
            )
        time.sleep(0.7)
        driver.save_screenshot(str(SHOTS / f"{name}-{width}.png"))
        wide = driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert wide, f"{name} scrolls sideways at {width} px"
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.set_window_size(1280, 900)


def test_fifty_answers_by_keyboard_alone(agent: Agent, shown: str) -> None:
    review = str(ask(agent, OpenReview(size=100, rules=(RULE,)))["id"])
    with browser() as driver, under_load(agent):
        open_page(driver, f"{shown}/review?review={review}")
        becomes(lambda: heading(driver))
        driver.execute_script(WATCH)
        took: list[float] = []
        for number in range(ITEMS):
            if number == ITEMS // 2:
                took += driver.execute_script("return window.took")
                driver.refresh()
                becomes(lambda: heading(driver))
                driver.execute_script(WATCH)
            time.sleep(SLOW_S if number < SLOW else QUICK_S)
            before = heading(driver)
            key(driver, "2" if number % 10 == 9 else "1")
            becomes(lambda before=before: heading(driver) not in {"", before})  # type: ignore[misc]
        took += driver.execute_script("return window.took")
        assert complaints(driver) == []
    told = rows(agent, "SELECT count(*) AS n, count(DISTINCT unit_id) AS units FROM labels")
    assert told == [{"n": ITEMS, "units": ITEMS}], "nothing lost, nothing twice"
    assert ask(agent, Reviews())[0]["n_done"] == ITEMS
    p50, p95 = np.percentile(took, [50, 95])
    print(f"key to next answer over {len(took)}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {max(took):.0f} ms")


def test_every_state_is_looked_at(agent: Agent, shown: str) -> None:
    with browser() as driver:
        open_page(driver, f"{shown}/review")
        shoot(driver, "none")
        review = str(ask(agent, OpenReview(size=40, rules=(RULE, "PRIV-01")))["id"])
        open_page(driver, f"{shown}/review")
        shoot(driver, "list")
        open_page(driver, f"{shown}/review?review={review}")
        becomes(lambda: heading(driver))
        shoot(driver, "item")
        key(driver, "2")
        becomes(lambda: "Which rule?" in driver.page_source)
        shoot(driver, "which-rule")
        for pressed, wanted in (("a", "next key is for this rule"), ("2", "You say: violates"), ("1", "You said:")):
            key(driver, pressed)
            becomes(lambda wanted=wanted: wanted in driver.page_source)  # type: ignore[misc]
        shoot(driver, "reveal")
        key(driver, "n")
        becomes(lambda: "A better answer" in driver.page_source)
        shoot(driver, "note")
        unit = ask(agent, TakeItems(review, most=1), "ana")["items"][0]["unit_id"]
        ask(agent, CommitItem(review, unit, {RULE: "violates"}, note="refuses a plain question"), "ana")
        ask(agent, CommitItem(review, unit, {RULE: "complies"}), "ben")
        open_page(driver, f"{shown}/review?review={review}&part=Disagreements")
        becomes(lambda: "Decide" in driver.page_source)
        shoot(driver, "disagreement")
        for choice in ("violates", "The rule is unclear"):
            driver.find_element(By.XPATH, f"//label[.//p[text()='{choice}']]").click()
        driver.find_element(By.XPATH, "//button[.//p[text()='Decide']]").click()
        becomes(lambda: "Decided." in driver.page_source)
        shoot(driver, "adjudication")
        for _ in range(20):
            taken = ask(agent, TakeItems(review, most=1), "ana")["items"][0]
            ask(agent, CommitItem(review, taken["unit_id"], {RULE: "complies", "PRIV-01": "complies"}), "ana")
        open_page(driver, f"{shown}/review?review={review}&part=Results")
        becomes(lambda: "You reviewed" in driver.page_source)
        shoot(driver, "results")
        ask(agent, CloseReview(review))
        open_page(driver, f"{shown}/review?review={review}")
        becomes(lambda: "Sign off" in driver.page_source)
        shoot(driver, "closed")
        assert complaints(driver) == []
