"""`python -m benchmarks.browsing`: memory of an agent over a million spans, after its start and after every page was asked for, through its api."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import httpx

from benchmarks.house import memory_mb
from benchmarks.pages import ASKED
from benchmarks.stores import kept_store
from monitor.store.pages import PAGES
from tests.support.house import House

SPANS_A_TURN = 4
ROUNDS = 2


def measure(spans: int) -> dict[str, float]:
    """Return megabytes of the agent, after its start and after browsing, and how many reads were asked."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "house"
        kept_store(root, spans // SPANS_A_TURN).store.close()
        house = House(root, fresh=True)
        house.start("agent")
        agent = house.running["agent"]
        started, asked = memory_mb(agent.pid), 0
        try:
            for _ in range(ROUNDS):
                asked += sum(_ask(house, name, params) for name in PAGES for params in ASKED.get(name, [{}]))
            return {"after start, MB": started, "after browsing, MB": memory_mb(agent.pid), "reads": float(asked)}
        finally:
            agent.terminate()
            agent.wait(60)


def _ask(house: House, name: str, params: dict[str, str]) -> bool:
    token = (house.root / "token").read_text().strip()
    answer = httpx.get(
        f"http://{house.api}/v1/read/{name}",
        params=params,
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
    )
    return answer.raise_for_status().is_success


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    print(measure(parser.parse_args().spans))


if __name__ == "__main__":
    main()
