"""`python -m benchmarks.cycle [N...]`: seconds and memory of a pass with 100 new turns, and with none, when so many came in the last 24 hours.

The first pass reads what there is and is told apart. Runs as it is in an earlier checkout (`PYTHONPATH=CHECKOUT`), for a before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.house import memory_mb
from benchmarks.stores import kept_store
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.cycle import STEPS, TURNS, Step, run_cycle
from monitor.policy import policies_in_force
from monitor.steps import House, Mark, marked
from monitor.store import reads
from tests.support.generated_store import NOW, GeneratedStore

NEW = 100
ROUNDS = 5


def main() -> None:
    """Print a line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[12_500, 50_000, 250_000])
    parser.add_argument("--steps", action="store_true", help="CPU milliseconds of each step, too")
    asked = parser.parse_args()
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = kept_store(Path(folder), size, days=1)
            house = _house(made)
            print(f"{size:>8,} turns: {_measured(made, house)}", flush=True)
            for name, ms in _by_step(made, house).items() if asked.steps else ():
                print(f"{'':>8}  {name:<18} {ms:7.0f} ms", flush=True)
            made.store.close()


def _house(made: GeneratedStore) -> House:
    """A house that has seen what there is."""
    clock = FakeClock(NOW.replace(tzinfo=UTC) + timedelta(minutes=1))
    house = House(made.store, Settings(), policies_in_force(None), clock, None)
    newest = reads.newest_turn(made.store)
    for step in STEPS:
        if step.fed is TURNS:
            with marked(made.store, Mark(step.name, seq=newest)):
                pass
    return house


def _measured(made: GeneratedStore, house: House) -> str:
    first, held = _timed(lambda: run_cycle(house)), _resident()
    walls, cpus = zip(*(_pass(made, house, number) for number in range(ROUNDS)), strict=True)
    grown = _resident() - held
    idle = statistics.median(_timed(lambda: run_cycle(house))[1] for _ in range(ROUNDS))
    return (
        f"first pass {first[0]:.2f} s; with {NEW} new {statistics.median(walls):.2f} s ({statistics.median(cpus):.2f} CPU s); "
        f"with none {idle:.2f} CPU s; {grown:+.0f} MB in {ROUNDS} passes after the first"
    )


def _resident() -> float:
    """MB of this process, which also made the store."""
    return memory_mb(os.getpid())


def _by_step(made: GeneratedStore, house: House) -> dict[str, float]:
    """CPU milliseconds of one more pass, by step."""
    spent: dict[str, float] = {}

    def timed(step: Step[Any]) -> Step[Any]:
        def run(house: House, batch: Any) -> int:
            before = time.process_time()
            decided = step.run(house, batch)
            spent[step.name] = spent.get(step.name, 0.0) + 1000 * (time.process_time() - before)
            return decided

        return replace(step, run=run)

    _add(made, ROUNDS)
    run_cycle(house, [timed(step) for step in STEPS])
    return spent


def _pass(made: GeneratedStore, house: House, number: int) -> tuple[float, float]:
    _add(made, number)
    return _timed(lambda: run_cycle(house))


def _add(made: GeneratedStore, number: int) -> None:
    """A hundred turns of just now."""
    newest = made.store.frame("SELECT trace_id FROM base.turns ORDER BY seq DESC LIMIT ?", [NEW])["trace_id"].to_list()
    last = reads.newest_turn(made.store)
    with made.store.transaction() as txn:
        for table in ("turns", "content", "features"):
            rows = txn.frame(f"SELECT * FROM base.{table} WHERE list_contains(?, trace_id)", [newest])
            fresh = rows.with_columns(trace_id=rows["trace_id"] + f"n{number}")
            if table == "turns":
                fresh = (
                    fresh.sort("seq")
                    .with_row_index("at")
                    .with_columns(seq=last + 1 + pl.col("at").cast(pl.Int64))
                    .drop("at")
                )
            txn.insert(table, fresh)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
