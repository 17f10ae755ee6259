"""Two plans over the same turns, and labels on some of them: rates without bias, and intervals that hold the truth."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import EstimateSettings
from monitor.estimates import estimate_rates
from monitor.model.values import Estimate
from monitor.sampling import Plan
from monitor.weighing import weighted

pytestmark = pytest.mark.statistics
NOW = datetime(2026, 11, 1, tzinfo=UTC)
AT = datetime(2026, 11, 1, 12)  # noqa: DTZ001 - as stored
ROUNDS = 2_000
TURNS = 2_000


def traffic(rng: np.random.Generator, shares: dict[str, float]) -> pl.DataFrame:
    """One day of an app: turns of 600 users on two models, each of which violates the rule with a share of its own."""
    model = rng.choice(list(shares), TURNS)
    bad = rng.random(TURNS) < np.vectorize(shares.get)(model)
    return pl.DataFrame(
        {
            "unit_id": [f"{number:032x}" for number in range(TURNS)],
            "seq": range(1, TURNS + 1),
            "app": rng.choice(["shop", "bank"], TURNS, p=[0.7, 0.3]),
            "model": model,
            "rule_id": ["R-1"] * TURNS,
            "verdict": np.where(bad, "violates", "complies"),
            "user_id": rng.integers(0, 600, TURNS).astype(str),
        }
    ).with_columns(time=pl.lit(AT))


def picked(turns: pl.DataFrame, plans: list[Plan]) -> pl.DataFrame:
    """The turns that any of the plans draws, as the store tells of them."""
    drawn = pl.DataFrame(
        [(s.unit_id, s.plan, s.inclusion_probability) for plan in plans for s in plan.draw(turns, NOW)],
        schema=["unit_id", "plans", "p"],
        orient="row",
    )
    together = drawn.group_by("unit_id").agg("plans", inclusion_probability=1 - (1 - pl.col("p")).product())
    return weighted(turns.join(together, on="unit_id"), [(1, plan) for plan in plans])


def share_of(turns: pl.DataFrame) -> float:
    """The plain share of violations."""
    return float((turns["verdict"] == "violates").to_numpy().mean())


def test_two_plans_are_unbiased_and_cover() -> None:
    """A share of .3 of all turns by app, and of .1 by model, where the models differ: the truth of each app in 2,000 draws."""
    turns = traffic(np.random.default_rng(21), {"old": 0.08, "new": 0.3})
    shop = turns.filter(pl.col("app") == "shop")
    truth = share_of(shop)
    found: list[Estimate] = []
    naive = []
    for seed in range(ROUNDS):
        plans = [
            Plan("live", 2 * seed, 0.3, {"bank": 0.2}),
            Plan("panel", 2 * seed + 1, 0.1, {"old": 0.04, "new": 0.2}, column="model"),
        ]
        units = picked(turns, plans)
        found += [e for e in estimate_rates(units, turns, EstimateSettings()) if e.app == "shop"]
        naive.append(share_of(units.filter(pl.col("app") == "shop")))
    bias = np.mean([e.value or 0 for e in found]) / truth - 1
    covered = np.mean([(e.low or 0) <= truth <= (e.high or 0) for e in found])
    print(
        f"\ntwo plans, {ROUNDS} draws: truth {truth:.4f}, bias {bias:+.2%} of the rate, coverage {covered:.3f}; "
        f"bias of the plain share {np.mean(naive) / truth - 1:+.1%}"
    )
    assert len(found) == ROUNDS
    assert abs(bias) < 0.01
    assert covered >= 0.93
    assert np.mean(naive) / truth - 1 > 0.05, "the plans do not differ enough to tell"


def said(machine: np.ndarray, truth: np.ndarray, labelled: np.ndarray, probability: float) -> pl.DataFrame:
    """A day that a machine graded whole and people in part."""
    words = {True: "violates", False: "complies"}
    labels = [words[bool(bad)] if by_people else None for bad, by_people in zip(truth, labelled, strict=True)]
    return pl.DataFrame(
        {
            "unit_id": [f"{number:032x}" for number in range(TURNS)],
            "verdict": [words[bool(bad)] for bad in machine],
            "label": pl.Series(labels, dtype=pl.String),
        }
    ).with_columns(
        time=pl.lit(AT),
        app=pl.lit("shop"),
        rule_id=pl.lit("R-1"),
        inclusion_probability=pl.lit(1.0),
        contested=pl.lit(value=False),
        label_probability=pl.when(pl.col("label").is_not_null()).then(probability),
    )


@pytest.mark.parametrize("n", [40, 100, 300])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.25])
def test_labels_correct_a_machine_that_errs(rate: float, n: int) -> None:
    """A machine that misses a fifth and cries wolf in one of fifty, and `n` labels on turns that a plan picked."""
    rng = np.random.default_rng(22)
    covered = np.zeros(2)
    values, widths = [], []
    for _ in range(ROUNDS // 2):
        truth = rng.random(TURNS) < rate
        machine = np.where(truth, rng.random(TURNS) < 0.8, rng.random(TURNS) < 0.02)
        labelled = rng.random(TURNS) < n / TURNS
        rows = said(machine, truth, labelled, n / TURNS)
        [estimate] = estimate_rates(rows, rows, EstimateSettings())
        low, high = estimate.low or 0.0, estimate.high or 0.0
        covered += [low <= truth.mean() <= high, low <= rate <= high]
        values.append(estimate.value or 0.0)
        widths.append(high - low)
    rounds = ROUNDS // 2
    print(
        f"\nrate {rate}, {n} labels: mean {np.mean(values):.4f}, coverage {covered[1] / rounds:.3f} "
        f"(of the day itself {covered[0] / rounds:.3f}), width {np.mean(widths):.3f}"
    )
    assert (covered / rounds >= 0.93).all()
