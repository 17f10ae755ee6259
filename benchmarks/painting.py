"""`python -m benchmarks.painting`: how long every page takes in a real browser, warm, over a store of a hundred thousand spans.

A real agent and a real dashboard; each page is opened once to warm both, then `ROUNDS` times. First paint is what the browser calls
its first contentful paint; usable is when the script of the page has run to its end and its heading stands there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from selenium.webdriver import Chrome

from benchmarks.stores import kept_store
from dashboards.client import Api
from tests.dashboards.pictures import things
from tests.dashboards.running import PAGES, browser, dashboard
from tests.support.house import House

PAINT_S, USABLE_S = 1.5, 2.5
"""The bars."""

SPANS_A_TURN: Final = 4
ROUNDS: Final = 3
PATIENCE_S: Final = 60.0
LOOK: Final = """
const done = document.querySelector('[data-test-script-state]')?.dataset.testScriptState === 'notRunning'
  && document.querySelector('.stMainBlockContainer h1') !== null;
const paint = performance.getEntriesByName('first-contentful-paint')[0];
return [done, paint ? paint.startTime : null, performance.now()];
"""

Seconds = tuple[float, float]
"""To the first paint, and until the page can be used."""


def opened(driver: Chrome, url: str) -> Seconds:
    """Open `url` and return how long it took. Raises `TimeoutError` when it is never drawn."""
    driver.get("about:blank")
    driver.get(url)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        done, paint, now = driver.execute_script(LOOK)
        if done and paint is not None:
            return paint / 1000, now / 1000
        time.sleep(0.02)
    raise TimeoutError(url)


def measure(url: str, pages: Mapping[str, str], rounds: int = ROUNDS) -> Iterator[tuple[str, Seconds]]:
    """Yield the medians of every page of the dashboard at `url`."""
    with browser() as driver:
        for page in pages.values():
            opened(driver, f"{url}/{page}")
        for name, page in pages.items():
            paints, usables = zip(*(opened(driver, f"{url}/{page}") for _ in range(rounds)), strict=True)
            yield name, (median(paints), median(usables))


@contextmanager
def shown(spans: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Run an agent and a dashboard over `spans`; yields the URL and the addresses of the pages, of all of the time."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "house"
        kept_store(root, spans // SPANS_A_TURN).store.close()
        house = House(root, fresh=True)
        house.start("agent")
        try:
            token = root / "token"
            pages = {**PAGES, **dict(things(Api(f"http://{house.api}", token)))}
            with dashboard(f"http://{house.api}", Path(folder), token_of=token.read_text().strip()) as url:
                yield url, {name: f"{page}{'&' if '?' in page else '?'}range=all" for name, page in pages.items()}
        finally:
            house.running["agent"].terminate()
            house.running["agent"].wait(60)


def main() -> int:
    """Print a table; return 1 if a page is slower than its bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=100_000)
    slow = 0
    with shown(parser.parse_args().spans) as (url, pages):
        print(f"bars: first paint {PAINT_S} s, usable {USABLE_S} s")
        for name, (paint, usable) in measure(url, pages):
            late = paint > PAINT_S or usable > USABLE_S
            slow += late
            print(f"{paint:6.2f} s paint {usable:6.2f} s usable  {name}{'  SLOW' if late else ''}", flush=True)
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
