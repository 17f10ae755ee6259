"""What the browser tests of the page Review share: keys, waiting, people at desks of their own, and traffic meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from plumbline.agent import Agent
from plumbline.api.call import Actor, token_owner
from plumbline.people.register import scopes_of
from tests.acceptance.traffic import records, spooled
from tests.dashboards.running import dashboard
from tests.support.fake_api import TOKEN

HEADING: Final = (
    "return [...document.querySelectorAll('h3')].map(h => h.innerText).find(t => t.startsWith('Answer ')) || ''"
)
WATCH: Final = """
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
"""Notes in the browser itself how long it is from a key to the first frame that shows another answer."""


def whose(token: str, _now: object = None) -> Actor | None:
    """The owner comes with the token of the data directory, a reviewer with a name and `at desk`."""
    if token == TOKEN:
        return token_owner()
    name, _, rest = token.partition(" ")
    return Actor(name, scopes_of("reviewer")) if rest == "at desk" else None


@contextmanager
def at_desk(api: str, folder: Path, person: str | None = None) -> Iterator[str]:
    """A dashboard of one person's own, of the owner without a name; yields its URL."""
    folder.mkdir()
    with dashboard(api, folder) as url:
        if person:
            (folder / "token").write_text(f"{person} at desk")
        yield url


@contextmanager
def under_load(agent: Agent) -> Iterator[list[int]]:
    """500 interactions a second come in, are loaded and finished as the timetable does it; yields what came, a number a round."""
    stop, rounds, came = threading.Event(), count(), list[int]()

    def feed() -> None:
        while not stop.is_set():
            number, began = next(rounds), time.monotonic()
            fresh = ({**row, "id": f"load{number}-{n}"} for n, row in enumerate(records(250, swap=None)))
            spooled(agent.places.spool, fresh)
            agent.load()
            came.append(250)
            stop.wait(max(0.0, 0.5 - (time.monotonic() - began)))

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield came
    finally:
        stop.set()
        thread.join()


def becomes(met: Callable[[], Any], seconds: float = 30) -> Any:
    """Return what `met` says once it says anything."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        told = met()
        if told:
            return told
        time.sleep(0.02)
    pytest.fail("never came")


def key(driver: Chrome, pressed: str) -> None:
    """Press a key, wherever the page stands."""
    driver.find_element(By.TAG_NAME, "body").send_keys(pressed)


def heading(driver: Chrome) -> str:
    """Return which answer is shown, nothing where none is."""
    told: str = driver.execute_script(HEADING)
    return told


def says(driver: Chrome, words: str) -> None:
    """Wait until the page says `words`."""
    becomes(lambda: words in driver.find_element(By.TAG_NAME, "body").text)
