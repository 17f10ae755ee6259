"""The agent is killed under a page that stands open: the page says so in one calm line, and comes back by itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from dashboards.client import FRESH_S
from dashboards.pages import PAGES
from tests.cli.plumbline import ROOT
from tests.dashboards.running import CHROMIUM, dashboard, free_port
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")]

GONE = "does not answer. Start it with: plumbline up"
AGAIN = "tries again by itself every"


@dataclass
class Agent:
    """A process at one address, killed and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.dashboards.killed_agent", str(self.port), str(self.folder)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Kill -9, where it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    made = Agent(tmp_path_factory.mktemp("agent"))
    yield made
    made.kill()


@pytest.fixture(scope="module")
def shown(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(f"http://127.0.0.1:{agent.port}", tmp_path_factory.mktemp("dashboard")) as url:
        yield url


def said(driver: Chrome) -> str:
    """What stands below the bar."""
    return str(driver.find_element(By.TAG_NAME, "body").text)


def is_drawn(driver: Chrome) -> bool:
    """Whether the page has its heading and what it is about, and says of nothing that it is gone."""
    headed = driver.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer h1")
    filled = driver.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer [data-testid=stText]")
    return bool(headed and filled) and GONE not in said(driver)


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_a_page_says_in_one_line_that_the_agent_is_gone_and_comes_back_by_itself(
    path: str, agent: Agent, shown: str, chrome: Chrome
) -> None:
    if agent.process is None:
        agent.start()
    chrome.get(f"{shown}/{path if path != PAGES[0].path else ''}")
    eventually(lambda: is_drawn(chrome), f"{path} was not drawn")
    agent.kill()
    time.sleep(FRESH_S)  # what was answered just before would be shown without asking
    chrome.refresh()
    eventually(lambda: GONE in said(chrome), f"{path} does not say that the agent is gone")
    eventually(lambda: AGAIN in said(chrome), f"{path} does not say that it tries again")
    assert said(chrome).count(GONE) == 1
    assert "Traceback" not in said(chrome)
    assert not chrome.find_elements(By.CSS_SELECTOR, "[data-testid=stException]")
    agent.start()
    eventually(lambda: is_drawn(chrome), f"{path} does not come back")
