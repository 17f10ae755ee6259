"""What a house costs at little traffic: cores of collectors and agent, and how much was accepted. `python -m benchmarks.quiet` prints it.

One span a request. Imports nothing but what earlier checkouts have, too: `benchmarks.bars` runs this text there.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.house import running
from benchmarks.sending import HEADERS
from benchmarks.traffic import bodies

HOUR_NS = 3_600_000_000_000
RATES = (8, 100)
"""Spans a second: two traces of four, and what one busy process sends."""

SENDERS = 4
SETTLE_S = 5.0


def measure(spans_a_second: int, seconds: float) -> dict[str, float]:
    """Return cores of collectors and agent while so many spans come, and spans that were accepted a second."""
    work = list(bodies(int(spans_a_second * seconds), 1, seed=5, start_ns=time.time_ns() - HOUR_NS))
    with running() as run, httpx.Client(timeout=60) as client, ThreadPoolExecutor(SENDERS) as senders:
        client.post(run.endpoints[0], content=work[0], headers=HEADERS).raise_for_status()
        time.sleep(SETTLE_S)
        before, began = [_cpu_s(pid) for pid in run.pids], time.perf_counter()

        def send(number: int, body: bytes) -> bool:
            time.sleep(max(0.0, began + number / spans_a_second - time.perf_counter()))
            return client.post(run.endpoints[0], content=body, headers=HEADERS).is_success

        accepted = sum(senders.map(send, range(len(work)), work))
        elapsed = time.perf_counter() - began
        used = [(_cpu_s(pid) - was) / elapsed for pid, was in zip(run.pids, before, strict=True)]
    return {"collector, cores": sum(used[:-1]), "agent, cores": used[-1], "accepted/s": accepted / elapsed}


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    for rate in RATES:
        for name, figure in measure(rate, 20).items():
            print(f"{rate:>4} spans/s  {name:<18} {figure:8.3f}", flush=True)


if __name__ == "__main__":
    main()
