"""Speed of the change detector: stream updates a second on one core. `python -m benchmarks.detectors` prints the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from monitor.config.schema import DriftSettings
from monitor.drift import decide_drift
from monitor.stats.edetector import Band, advance, no_evidence
from monitor.stats.ranks import FUNCTIONS, mid_ranks, rank_functions

N = 100_000


def measure(what: str, updates: int, run: Callable[[], object]) -> None:
    started = time.perf_counter()
    run()
    seconds = time.perf_counter() - started
    print(f"{what:<58} {updates / seconds:>12,.0f} updates/s")


def rates() -> None:
    values = (np.random.default_rng(1).random((N, 1)) < 0.1).astype(float)
    advance(no_evidence(1), values, Band(np.array([0.07]), np.array([0.13])), np.inf)


def numbers() -> None:
    rng = np.random.default_rng(2)
    ranks = mid_ranks(np.sort(rng.normal(size=400)), rng.normal(size=N))
    values = rank_functions(ranks)
    means = values.mean(axis=0)
    advance(no_evidence(len(FUNCTIONS)), values, Band(means - 0.05, means + 0.05), np.inf)


def traffic(batch: int, n: int = 20_000) -> tuple[int, Callable[[], object]]:
    """Ten metrics of one app with three prompts: 40 streams, fed in batches."""
    rng = np.random.default_rng(3)
    start = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    metrics = {f"rule:{i}": (rng.random(n) < 0.1).astype(float) for i in range(6)}
    metrics |= {name: rng.lognormal(5, 1, n) for name in ("output_chars", "duration_ms", "output_tokens", "cost_usd")}
    rows = pl.DataFrame(
        {
            "unit_id": [f"u{i}" for i in range(n)],
            "time": [start + i * timedelta(minutes=1) for i in range(n)],
            "app": ["a"] * n,
            "prompt_name": rng.choice(["x", "y", "z"], n),
            **metrics,
        },
        schema_overrides={"time": pl.Datetime("us")},
    )

    def run() -> None:
        states: dict[str, str] = {}
        for first in range(0, n, batch):
            outcome = decide_drift(states, rows[first : first + batch], DriftSettings(), datetime.now(UTC))
            states.update(outcome.states)
        print(f"largest state: {max(map(len, states.values())):,} bytes, {len(states) - 1} streams")

    return 2 * n * len(metrics), run


def main() -> None:
    measure("e-detector, a rate (24 bets)", N, rates)
    measure("e-detector, a number (7 functions, 168 bets)", N, numbers)
    for batch in (5000, 500, 50):
        measure(f"decide_drift, 40 streams, batches of {batch} turns", *traffic(batch))


if __name__ == "__main__":
    main()
