"""Each state of the page Review as a picture, on a desk and at 375 px. `make pictures` writes docs/review."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from selenium.webdriver import Chrome

from monitor.clock import FakeClock
from plumbline.answers import Answers
from plumbline.opening import open_agent
from tests.dashboards.running import browser
from tests.review.conftest import END, SETTINGS, live
from tests.review.states import show_note, states
from tests.review.watching import at_desk, whose
from tests.support.serving import serving

FOLDER: Final = Path(__file__).parents[2] / "docs" / "review"
LOOKS: Final = {1280: (900, 0.75), 375: (812, 1.0)}
"""Width -> height, and the scale at which a picture is kept."""


def sized(driver: Chrome, width: int) -> None:
    """Make the screen `width` wide: a telephone where that is less than a tablet is."""
    height, scale = LOOKS[width]
    metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 640}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(0.7)  # the page lays itself out anew


def main(folder: Path = FOLDER) -> None:
    """Write all pictures to `folder`."""
    with TemporaryDirectory() as scratch:
        agent = open_agent(SETTINGS, live(Path(scratch) / "data"), FakeClock(END))
        with serving(Answers(agent), whose) as api, at_desk(api, Path(scratch) / "desk") as url, browser() as driver:
            for name in states(driver, agent, url):
                for width in LOOKS:
                    sized(driver, width)
                    if name == "note":
                        show_note(driver)
                    driver.save_screenshot(str(folder / f"{name}-{width}.png"))
                sized(driver, next(iter(LOOKS)))
                print(name, flush=True)
        agent.close()


if __name__ == "__main__":
    main()
