"""From the 200 to the answer of a query: how long a span takes to become visible under an ordinary load."""

from __future__ import annotations

import time

import httpx

from benchmarks.house import Running, running
from benchmarks.ingest import HOUR_NS, quantile
from benchmarks.sending import HEADERS
from benchmarks.traffic import bodies

BATCH = 20
EVERY_S = 0.04
"""20 spans every 40 ms are 500 a second."""


def measure(seconds: float) -> dict[str, object]:
    """Send 500 spans a second for `seconds`; after every fifth body, look how far the store is."""
    work = list(bodies(int(seconds / EVERY_S), BATCH, seed=7, start_ns=time.time_ns() - HOUR_NS))
    with running() as run, httpx.Client(timeout=60) as client:
        begun, lags, probes = time.perf_counter(), [], []
        for number, body in enumerate(work):
            time.sleep(max(0.0, begun + number * EVERY_S - time.perf_counter()))
            client.post(run.endpoints[0], content=body, headers=HEADERS).raise_for_status()
            probes.append((number + 1, time.perf_counter()))
            lags += _seen(run, probes)
        while probes:
            lags += _seen(run, probes)
            time.sleep(0.02)
        elapsed = time.perf_counter() - begun
    return {
        "spans/s": round(len(work) * BATCH / elapsed),
        "visible after p50 ms": round(quantile(lags, 0.5)),
        "p99 ms": round(quantile(lags, 0.99)),
        "worst ms": round(max(lags) * 1000),
    }


def _seen(run: Running, probes: list[tuple[int, float]]) -> list[float]:
    """Take the bodies out of `probes` that can be seen now; return how long each took, at most."""
    if probes[-1][0] % 5:
        return []
    visible, now = run.visible() // BATCH, time.perf_counter()
    found = [now - acked for number, acked in probes if number <= visible]
    probes[:] = [probe for probe in probes if probe[0] > visible]
    return found
