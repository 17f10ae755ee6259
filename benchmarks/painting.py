"""`python -m benchmarks.painting`: how long every page takes in a real browser, warm, over a store of a hundred thousand spans.

A real agent that has seen all of them, and a real dashboard; each page is opened once to warm both, then `ROUNDS` times. First paint
is what the browser calls its first contentful paint; usable is when the script of the page has run to its end and its heading
stands there. Beside it stand the load of the machine, and the seconds of processor that agent, dashboard and browser took: on a busy
machine a page waits for a processor and its time says nothing of itself, while what it costs stays about the same.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from selenium.webdriver import Chrome

from alerts.records import to_row
from alerts.states import AlertState
from benchmarks.stores import kept_store
from dashboards.client import Api
from monitor.clock import SystemClock
from monitor.model.values import Severity
from monitor.places import Places
from monitor.state.alerts import save_alert
from monitor.state.opening import ControlState
from tests.dashboards.pictures import things
from tests.dashboards.running import PAGES, browser, dashboard
from tests.support.generated_store import NOW
from tests.support.house import House

PAINT_S, USABLE_S = 1.5, 2.5
"""The bars."""

SPANS_A_TURN: Final = 4
ROUNDS: Final = 3
PATIENCE_S: Final = 60.0
SEEN_S: Final = 400.0
LOOK: Final = """
const done = document.querySelector('[data-test-script-state]')?.dataset.testScriptState === 'notRunning'
  && document.querySelector('.stMainBlockContainer h1') !== null;
const paint = performance.getEntriesByName('first-contentful-paint')[0];
return [done, paint ? paint.startTime : null, performance.now()];
"""

Seconds = tuple[float, float, float]
"""To the first paint, until the page can be used, and of processor for that."""

TICKS: Final = os.sysconf("SC_CLK_TCK")


def opened(driver: Chrome, url: str) -> Seconds:
    """Open `url` and return how long it took. Raises `TimeoutError` when it is never drawn."""
    driver.get("about:blank")
    before = processor(os.getpid())
    driver.get(url)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        done, paint, now = driver.execute_script(LOOK)
        if done and paint is not None:
            return paint / 1000, now / 1000, processor(os.getpid()) - before
        time.sleep(0.02)
    raise TimeoutError(url)


def processor(pid: int) -> float:
    """Return the seconds of processor that all below process `pid` took, with those of below that have ended."""
    return sum(_own(child) + processor(child) for child in _below(pid))


def _below(pid: int) -> list[int]:
    try:
        return [int(child) for of in Path(f"/proc/{pid}/task").glob("*/children") for child in of.read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


def _own(pid: int) -> float:
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in told[11:15]) / TICKS


def measure(url: str, pages: Mapping[str, str], rounds: int = ROUNDS) -> Iterator[tuple[str, Seconds]]:
    """Yield the medians of every page of the dashboard at `url`."""
    with browser() as driver:
        for page in pages.values():
            opened(driver, f"{url}/{page}")
        for name, page in pages.items():
            paints, usables, costs = zip(*(opened(driver, f"{url}/{page}") for _ in range(rounds)), strict=True)
            yield name, (median(paints), median(usables), median(costs))


@contextmanager
def shown(spans: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Run an agent and a dashboard over `spans`; yields the URL and the addresses of the pages, of all of the time."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "house"
        kept_store(root, spans // SPANS_A_TURN).store.close()
        _keep_alert(root)
        house = House(root, fresh=True)
        house.start("agent")
        try:
            token = root / "token"
            api = Api(f"http://{house.api}", token)
            _warm(api)
            pages = {**PAGES, **dict(things(api))}
            with dashboard(api.url, Path(folder), token_of=token.read_text().strip()) as url:
                yield url, {name: f"{page}{'&' if '?' in page else '?'}range=all" for name, page in pages.items()}
        finally:
            house.running["agent"].terminate()
            house.running["agent"].wait(60)


ALERT: Final = "a1b2c3d4e5f60001"


def _keep_alert(root: Path) -> None:
    """An alert of before, for the pages that are about one."""
    known = {"app": "support-assistant", "rule": "HELP-01"}
    began = NOW.replace(tzinfo=UTC) - timedelta(days=1)
    reason = "lower bound 0.11 > 0.02; 80 bad of the last 715"
    alert = AlertState(ALERT, 1, "violation-rate", Severity.ERROR, "firing", began, None, known, reason)
    with ControlState.open(Places(root).control, SystemClock()).transaction() as txn:
        save_alert(txn, to_row(alert))


def _warm(api: Api) -> None:
    """Wait until the agent has seen all there is, and open an incident. Raises `TimeoutError`."""
    until = time.monotonic() + SEEN_S
    while any(step["lag"] for step in api.ask("status")["steps"].values()):
        if time.monotonic() > until:
            raise TimeoutError("the agent has not seen all turns")
        time.sleep(0.5)
    api.command("openincident", "painting", fingerprint=ALERT)


def main() -> int:
    """Print a table; return 1 if a page is slower than its bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=100_000)
    slow = 0
    with shown(parser.parse_args().spans) as (url, pages):
        print(f"bars: first paint {PAINT_S} s, usable {USABLE_S} s")
        for name, (paint, usable, cost) in measure(url, pages):
            late = paint > PAINT_S or usable > USABLE_S
            slow += late
            load = f"load {os.getloadavg()[0]:.1f}"
            print(
                f"{paint:6.2f} s paint {usable:6.2f} s usable {cost:6.2f} s of processor  {name}  {load}{'  SLOW' if late else ''}",
                flush=True,
            )
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
