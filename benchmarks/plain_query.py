"""What a plain query over a million spans costs since it is read by a process of its own from a snapshot.

`python -m benchmarks.plain_query --against CHECKOUT` asks the same of an installed older checkout, in turn with this one, over the same
rows. The first question takes the snapshot and starts the child, so that it is told apart, as is how long the store is held still.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from benchmarks.stores import KEPT, tables
from monitor.clock import SystemClock
from monitor.store.opening import Store
from monitor.store.user_sql.readers import Readers

HERE: Final = Path(__file__).parents[1]
SPANS_A_TURN: Final = 4
ROUNDS: Final = 15
STOPPING_S: Final = 30
QUERIES: Final[Mapping[str, str]] = {
    "count": "SELECT count(*) FROM spans",
    "by app": "SELECT app, count(*), avg(duration_ms) FROM spans GROUP BY ALL",
    "by hour": "SELECT date_trunc('hour', time) AS hour, count(*), max(duration_ms) FROM spans GROUP BY ALL ORDER BY 1",
    "newest": "SELECT trace_id, time, app FROM spans ORDER BY time DESC LIMIT 100",
    "calls": "SELECT request_model, sum(input_tokens), count(*) FROM calls GROUP BY ALL",
}

FILL: Final = """
import sys
from pathlib import Path
from pyarrow import feather
from monitor.clock import SystemClock
from monitor.store.ddl import BASE
from monitor.store.opening import Store
store = Store.open(Path(sys.argv[2]), clock=SystemClock())
for path in sorted(Path(sys.argv[1]).glob("*.arrow")):
    if path.stem in BASE:
        rows = feather.read_table(str(path))
        with store.transaction() as txn:
            txn.insert(path.stem, rows.select([name for name in rows.column_names if name in BASE[path.stem]]))
store.checkpoint()
store.close()
"""
"""Run by the Python of either checkout: both stores hold the same rows, each in its own format."""


@dataclass(frozen=True)
class Asked:
    """An agent of one checkout, and how to ask it."""

    data_dir: Path

    def seconds(self, sql: str) -> float:
        """Ask, and return how long the answer took."""
        run = json.loads((self.data_dir / "run" / "agent.json").read_text())
        bearer = {"authorization": f"Bearer {(self.data_dir / 'token').read_text().strip()}"}
        began = time.perf_counter()
        httpx.post(f"http://{run['address']}/v1/sql", json={"sql": sql}, headers=bearer, timeout=90).raise_for_status()
        return time.perf_counter() - began


@contextmanager
def agent_of(checkout: Path, data_dir: Path) -> Iterator[Asked]:
    """Run the agent of `checkout` on `data_dir`."""
    config = data_dir.parent / "plumbline.yaml"
    config.write_text("{}\n")
    where = ["--config", str(config), "--data-dir", str(data_dir), "--api", "127.0.0.1:0"]
    process = subprocess.Popen([str(checkout / ".venv/bin/plumbline"), "agent", *where], cwd=checkout)
    try:
        until = time.monotonic() + 120
        while not (data_dir / "run" / "agent.json").exists():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the agent of {checkout} did not start")
            time.sleep(0.05)
        yield Asked(data_dir)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPPING_S)
        process.kill()  # an earlier checkout may take its time; the rows are in its store either way
        process.wait()


def measure(spans: int, base: Path | None) -> list[dict[str, object]]:
    """Return a row for each query; with `base` the time there and the ratio, too."""
    turns = spans // SPANS_A_TURN
    for _ in tables(turns):
        pass  # makes what is not kept yet
    checkouts = {"base": base, "here": HERE} if base else {"here": HERE}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        agents = {}
        for name, checkout in checkouts.items():
            data_dir = Path(folder) / name / "data"
            data_dir.mkdir(parents=True)
            kept = KEPT / f"{turns}-turns-14-days"
            fill = [str(checkout / ".venv/bin/python"), "-c", FILL, str(kept), str(data_dir)]
            subprocess.run(fill, cwd=checkout, check=True)
            agents[name] = stack.enter_context(agent_of(checkout, data_dir))
        first = {name: agent.seconds(QUERIES["count"]) for name, agent in agents.items()}
        rows = [_row(query, agents) for query in QUERIES]
        stack.close()
        held = _held_still(Path(folder) / "here" / "data")
    return [
        *rows,
        {"query": "first use"} | _told(first),
        {"query": "store held still while it is copied"} | _told(held),
    ]


def _row(query: str, agents: Mapping[str, Asked]) -> dict[str, object]:
    """Medians, asked in turn: whatever else the machine does falls on both alike."""
    took: dict[str, list[float]] = {name: [] for name in agents}
    for _ in range(ROUNDS):
        for name, agent in agents.items():
            took[name].append(agent.seconds(QUERIES[query]))
    return {"query": query} | _told({name: statistics.median(times) for name, times in took.items()})


def _told(took: Mapping[str, float]) -> dict[str, object]:
    told: dict[str, object] = {
        "base s": f"{took['base']:.3f}" if "base" in took else "",
        "here s": f"{took['here']:.3f}",
    }
    return told | {"ratio": f"{took['here'] / took['base']:.2f}" if "base" in took else ""}


def _held_still(data_dir: Path) -> dict[str, float]:
    store = Store.open(data_dir, clock=SystemClock())
    readers = Readers(store, data_dir / "sql")
    try:
        readers.ask(QUERIES["count"], max_rows=1, timeout_s=120, extra={})
        return {"here": readers.longest_copy_s}
    finally:
        readers.forget()
        store.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--against", type=Path, help="an installed checkout to compare with")
    asked = parser.parse_args()
    print(f"{asked.spans:,} spans, medians of {ROUNDS} through the api")
    for row in measure(asked.spans, asked.against):
        print("  ".join(f"{value!s:>10}" if number else f"{value!s:<40}" for number, value in enumerate(row.values())))


if __name__ == "__main__":
    main()
