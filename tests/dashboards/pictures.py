"""Every page as a picture: light and dark on a desk, and on a telephone of 375 px. `make pictures` writes docs/pictures.

The pages are those of a generated store, so that two runs differ in their dates only; with `--house DIR` those of the house that
runs on that data directory: `make pictures HOUSE=plumbline-data` after `make run` shows the demo.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from dashboards.client import Api
from dashboards.rules import rules_of
from monitor.places import Places, read_run
from tests.dashboards.conftest import utc_now
from tests.dashboards.running import N_TURNS, PAGES, browser, dashboard
from tests.support.fake_api import FakeAgent, serving
from tests.support.generated_store import generated_store

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
LOOKS: Final = {"light": (1280, 1000, "light"), "dark": (1280, 1000, "dark"), "375": (375, 812, "light")}
"""Width, height and theme of each look."""

SMALLER: Final = 0.6
"""Pictures of a desk are kept at this scale."""

COLOURS: Final = 96
"""Colours of a picture: pages have few, and a picture of few is a fifth of the size."""

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
    shot = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    shot.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(file, optimize=True)


def drawn(driver: Chrome) -> bool:
    """Whether the page has run to its end and shows a text."""
    state = driver.execute_script("return document.querySelector('[data-test-script-state]')?.dataset.testScriptState")
    return state == "notRunning" and bool(driver.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer h1"))


def take_all(url: str, folder: Path, pages: Mapping[str, str]) -> Iterator[str]:
    """Yield the name of each picture once it is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for look in LOOKS:
            for name, page in pages.items():
                take(driver, f"{url}/{page}", folder / f"{name}-{look}.png", look)
                yield f"{name}-{look}"


def of_house(root: Path) -> tuple[str, dict[str, str]]:
    """Return where the dashboard of the house on `root` is, and the addresses of its pages: of the gravest, else the newest thing."""
    agent, dashboard_ = (read_run(Places(root), name) for name in ("agent", "dashboard"))
    if agent is None or dashboard_ is None:
        raise SystemExit(f"{root}: no house runs on it; make run starts one")
    return dashboard_.url, {**PAGES, **dict(things(Api(agent.url, root / "token")))}


def things(api: Api) -> Iterator[tuple[str, str]]:
    """Yield the address of one thing of each kind."""
    known = rules_of(api)
    rated = [row for row in api.read("rates_now") if row["rule_id"] in known] or [{"rule_id": id_} for id_ in known]
    kinds = {
        "trace": (api.read("violations", limit=1), "traces?trace", "trace_id"),
        "alert": (api.read("alerts"), "alerts?alert", "fingerprint"),
        "finding": (api.read("findings"), "drift?finding", "id"),
        "incident": (api.ask("incidents"), "incidents?incident", "number"),
        "source": (api.read("scopes"), "sources?source", "app"),
        "rule": (rated, "policy?rule", "rule_id"),
    }
    for name, (rows, page, key) in kinds.items():
        if rows:
            yield name, f"{page}={rows[0][key]}"


def main(names: list[str], house: Path | None = None, folder: Path = FOLDER) -> None:
    """Write the pictures of the pages called `names`, of all without any."""
    if house is not None:
        _write(*of_house(house), names, folder)
        return
    store = generated_store(N_TURNS, now=utc_now())
    with TemporaryDirectory() as scratch, serving(agent := FakeAgent(store, Path(scratch))) as api:
        agent.status["ready"] = True
        with dashboard(api, Path(scratch)) as url:
            _write(url, PAGES, names, folder)
    store.store.close()


def _write(url: str, pages: Mapping[str, str], names: list[str], folder: Path) -> None:
    for taken in take_all(url, folder, {name: page for name, page in pages.items() if not names or name in names}):
        print(taken, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="pages; all without any")
    parser.add_argument("--house", type=Path, help="data directory of a house that runs")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    main(given.names, given.house, given.folder)
