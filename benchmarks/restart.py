"""`python -m benchmarks.restart`: how soon an agent answers on a store of a million spans, and on an empty folder, in turn."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.stores import kept_store
from tests.support.house import House

SPANS_A_TURN = 4
ROUNDS = 5


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full"
        made = kept_store(full, asked.spans // SPANS_A_TURN)
        spans = int(made.store.frame("SELECT count(*) AS n FROM base.spans")["n"][0])
        made.store.close()
        empty, filled = [], []
        for number in range(ROUNDS):
            empty.append(_ready(Path(folder) / f"empty{number}"))
            filled.append(_ready(full))
    middle = [statistics.median(times) for times in (empty, filled)]
    print(
        f"agent ready, median of {ROUNDS}: empty {middle[0]:.2f} s, {spans:,} spans {middle[1]:.2f} s, {middle[1] / middle[0]:.2f} x"
    )


def _ready(root: Path) -> float:
    house = House(root, fresh=True)
    began = time.perf_counter()
    house.start("agent")
    took = time.perf_counter() - began
    house.running["agent"].terminate()
    house.running["agent"].wait(60)
    shutil.rmtree(root / "run", ignore_errors=True)
    return took


if __name__ == "__main__":
    main()
