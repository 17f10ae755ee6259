"""Every page as a picture: light and dark on a desk, and on a telephone of 375 px. `make pictures` writes docs/pictures.

The pages stand over a generated store, so that two runs differ in their dates only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.dashboards.conftest import N_TURNS, utc_now
from tests.dashboards.running import PAGES, browser, dashboard
from tests.support.fake_api import FakeAgent, serving
from tests.support.generated_store import generated_store

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
LOOKS: Final = {"light": (1280, 1000, "light"), "dark": (1280, 1000, "dark"), "375": (375, 812, "light")}
"""Width, height and theme of each look."""

SMALLER: Final = 0.6
"""Pictures of a desk are kept at this scale."""

PATIENCE_S: Final = 20.0


def take(driver: Chrome, url: str, file: Path, look: str) -> None:
    """Open `url` as `look` says, wait until it is drawn, and keep its first screen."""
    width, height, theme = LOOKS[look]
    scale = SMALLER if width > 1000 else 1
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 1000}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(url)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not drawn(driver):
        time.sleep(0.05)
    time.sleep(1)  # charts fade in
    driver.save_screenshot(str(file))


def drawn(driver: Chrome) -> bool:
    """Whether the page has run to its end and shows a text."""
    state = driver.execute_script("return document.querySelector('[data-test-script-state]')?.dataset.testScriptState")
    return state == "notRunning" and bool(driver.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer h1"))


def take_all(url: str, folder: Path, names: list[str]) -> Iterator[str]:
    """Yield the name of each picture once it is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for look in LOOKS:
            for name in names:
                take(driver, f"{url}/{PAGES[name]}", folder / f"{name}-{look}.png", look)
                yield f"{name}-{look}"


def main(names: list[str], folder: Path = FOLDER) -> None:
    """Write the pictures of the pages called `names`, of all without any."""
    store = generated_store(N_TURNS, now=utc_now())
    with TemporaryDirectory() as scratch, serving(agent := FakeAgent(store, Path(scratch))) as api:
        agent.status["ready"] = True
        with dashboard(api, Path(scratch)) as url:
            for taken in take_all(url, folder, names or list(PAGES)):
                print(taken, flush=True)
    store.store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
