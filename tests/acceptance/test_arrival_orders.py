"""The same turns, late, doubled, in any order, over cycles and restarts: what is decided is what an in-order run decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.config.schema import EstimateSettings, SamplingSettings, Settings
from monitor.estimates import estimate_rates
from monitor.experiments.sums import added, unit_sums
from monitor.sampling import draw_samples
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled
from tests.store.rows import START as DAY

END: Final = START + timedelta(days=44)
"""A month after the last turn: all of it is late."""

SETTINGS: Final = Settings(
    sampling=SamplingSettings(rate=0.6), estimates=EstimateSettings(window="2d", segments=("model",))
)
DECIDED: Final = {
    "samples": "SELECT unit_id, plan, stratum, inclusion_probability FROM samples ORDER BY ALL",
    "grades": "SELECT * EXCLUDE (graded_at) FROM grades ORDER BY ALL",
    "estimates": "SELECT * FROM estimates ORDER BY ALL",
    "comparisons": "SELECT * EXCLUDE (computed_at) FROM comparisons ORDER BY ALL",
    "ledger": "SELECT sum(stored) AS stored, sum(received) = sum(stored) + sum(duplicate) + sum(refused) AS exact FROM ledger",
}


def told(
    folder: Path, parts: Sequence[Sequence[dict[str, Any]]], rng: random.Random
) -> dict[str, list[dict[str, Any]]]:
    """What a house decides that gets `parts` one after the other, with a cycle after each and a restart after some."""
    agent = open_agent(SETTINGS, folder, FakeClock(END))
    for part in parts:
        spooled(folder / "spool", iter(part))
        agent.settle()
        agent.cycle()
        if rng.random() < 0.3:
            agent.close()
            agent = open_agent(SETTINGS, folder, FakeClock(END))
    agent.cycle()
    assert agent.status()["unwell"] == []
    found = {name: agent.sql(query, 100_000).table.to_pylist() for name, query in DECIDED.items()}
    agent.close()
    return found


def close_to(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Whether two results are the same but for the last digits of sums that were added up in another order."""
    frames = [pl.DataFrame(rows, infer_schema_length=None) for rows in (one, other)]
    if frames[0].shape != frames[1].shape:
        return False
    texts, numbers = pl.selectors.by_dtype(pl.String), pl.selectors.float()
    left, right = (frame.sort(texts - pl.selectors.matches("^reason$")) for frame in frames)
    near = np.allclose(left.select(numbers).to_numpy(), right.select(numbers).to_numpy(), rtol=1e-9, equal_nan=True)
    plain = pl.selectors.exclude("reason") - numbers
    return bool(near) and left.select(plain).equals(right.select(plain))


@pytest.mark.parametrize("orders", [1, pytest.param(40, marks=pytest.mark.statistics)])
@pytest.mark.slow
def test_any_order_through_the_store_decides_the_same(orders: int, tmp_path: Path) -> None:
    rows = list(records(400))
    in_order = told(tmp_path / "in-order", [rows[at : at + 100] for at in range(0, 400, 100)], random.Random(0))
    assert len(in_order["grades"]) > 500
    for seed in range(orders):
        rng = random.Random(seed)
        mixed = rng.sample(rows, len(rows))
        cuts = sorted(rng.sample(range(1, len(rows)), 3))
        parts = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
        parts.append(rng.sample(rows, 60))  # sent again
        found = told(tmp_path / str(seed), parts, rng)
        for name in DECIDED:
            assert close_to(found[name], in_order[name]), (seed, name)
    print(f"\n{orders} orders through the store: all five outputs as in order")


@pytest.mark.parametrize("orders", [20, pytest.param(2_000, marks=pytest.mark.statistics)])
def test_any_order_of_values_decides_the_same(orders: int) -> None:
    """Fifty apps: draws, rates and the sums of experiments, with the rows in any order and any batches."""
    rng = np.random.default_rng(5)
    n = 1_500
    base = pl.DataFrame(
        {
            "unit_id": [f"{number:032x}" for number in range(n)],
            "app": [f"app{number}" for number in rng.integers(0, 50, n)],
            "user_id": rng.integers(0, 300, n).astype(str),
            "verdict": rng.choice(["violates", "complies", "borderline"], n, p=[0.2, 0.7, 0.1]),
            "chars": rng.integers(0, 100, n).astype(float),
        }
    ).with_columns(
        time=pl.lit(DAY.replace(tzinfo=None)) + pl.duration(minutes=pl.int_range(n)),
        rule_id=pl.lit("R-1"),
        session_id=pl.lit(None, pl.String),
        inclusion_probability=pl.lit(0.5),
        experiment=pl.lit("tone"),
        variant=pl.col("user_id").cast(pl.Int64).mod(2).cast(pl.String),
    )
    arms = base.select("app", "unit_id", "time", "user_id", "session_id", "experiment", "variant", "chars")

    def outputs(order: np.ndarray, cut: int) -> tuple[set[Any], list[Any], pl.DataFrame]:
        rows, mixed = base[order], arms[order]
        samples = {s for part in (rows[:cut], rows[cut:]) for s in draw_samples(part, SETTINGS.sampling, DAY)}
        sums = added(unit_sums(mixed[:cut]), unit_sums(mixed[cut:])).sort("app", "arm", "unit", "metric")
        return samples, estimate_rates(rows, rows, EstimateSettings()), sums

    expected = outputs(np.arange(n), n // 2)
    for seed in range(orders):
        mixing = np.random.default_rng(seed)
        samples, estimates, sums = outputs(mixing.permutation(n), int(mixing.integers(1, n)))
        assert samples == expected[0]
        assert estimates == expected[1]
        assert sums.equals(expected[2])
    print(f"\n{orders} orders of values: samples, rates and sums as in order")
