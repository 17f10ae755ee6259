"""What a house takes in while it grades: visible spans a second with eight connections, privacy on, and a cycle every ten seconds.

`python -m benchmarks.sustained` prints it. Imports nothing but what earlier checkouts have, too: `benchmarks.bars` runs this text there.
"""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from benchmarks.house import running
from benchmarks.sending import HEADERS
from benchmarks.traffic import bodies, spans_of

HOUR_NS = 3_600_000_000_000
CONNECTIONS = 8
BATCHES = (50, 512)
MOST = 6_000
"""Spans a second that are made beforehand: more than are taken."""

SETTINGS = "agent: {cycle_every: 10s}\n"
GRADED = "SELECT count(DISTINCT unit_id) FROM grades"


def measure(batch: int, seconds: float) -> dict[str, float]:
    """Return, a second: spans acknowledged, spans visible and answers graded when so many seconds were over."""
    made = bodies(int(seconds * MOST) // batch, batch, seed=batch, start_ns=time.time_ns() - HOUR_NS)
    work = list(made)
    found: dict[str, float] = {}
    with (
        suppress(subprocess.TimeoutExpired),  # where grading was behind, an earlier agent takes long to end
        running(1, SETTINGS) as run,
        ThreadPoolExecutor(CONNECTIONS) as threads,
    ):
        began = time.perf_counter()
        waiting = iter(work)

        def client(endpoint: str) -> int:
            sent = 0
            with httpx.Client(timeout=60) as door:
                while time.perf_counter() - began < seconds and (body := next(waiting, None)) is not None:
                    while door.post(endpoint, content=body, headers=HEADERS).status_code == 503:
                        time.sleep(1)
                    sent += 1
            return sent

        sent = sum(threads.map(client, list(run.endpoints) * CONNECTIONS))
        took, visible, graded = time.perf_counter() - began, run.visible(), int(run.sql(GRADED)[0][0])
        names = {"acknowledged/s": sent * spans_of(batch), "visible/s": visible, "graded answers/s": graded}
        found = {f"batch {batch}, {name}": n / took for name, n in names.items()}
    return found


def main() -> None:
    for batch in BATCHES:
        for name, figure in measure(batch, 180).items():
            print(f"{name:<28} {figure:10,.0f}", flush=True)


if __name__ == "__main__":
    main()
