"""People's labels in the readout of an experiment: what machines get wrong in one arm only is no difference between arms."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import ExperimentSettings
from monitor.experiments import compare_arms
from monitor.experiments.corrections import ENOUGH, correct
from monitor.model.values import Comparison

NOW = datetime(2026, 11, 28, tzinfo=UTC)
USERS, TURNS, ASKED = 300, 4, 0.2
METRIC = "rule:R-1"


def house(rng: np.random.Generator, rates: tuple[float, float], wrong: tuple[float, float]) -> pl.DataFrame:
    """One row a turn: two arms with these true rates, in which the machine takes so many good answers for bad ones."""
    n = 2 * USERS * TURNS
    arm = np.repeat([0, 1], n // 2)
    truth = rng.random(n) < np.asarray(rates)[arm]
    machine = truth | (rng.random(n) < np.asarray(wrong)[arm])
    return pl.DataFrame(
        {
            "experiment": ["tone"] * n,
            "arm": np.where(arm == 0, "A", "B"),
            "metric": [METRIC] * n,
            "unit": np.char.add("u", np.repeat(np.arange(2 * USERS), TURNS).astype(str)),
            "machine": machine.astype(float),
            "truth": truth.astype(float),
            "asked": rng.random(n) < ASKED,
        }
    )


def sums_of(turns: pl.DataFrame) -> pl.DataFrame:
    return turns.group_by("experiment", "arm", "metric", "unit").agg(
        n=pl.len().cast(pl.Int64), total=pl.col("machine").sum()
    )


def errors_of(turns: pl.DataFrame) -> pl.DataFrame:
    told = turns.filter("asked")
    return told.select(
        "experiment", "arm", "metric", "unit", error=pl.col("truth") - pl.col("machine"), probability=pl.lit(ASKED)
    )


def read(turns: pl.DataFrame, *, with_people: bool) -> Comparison:
    sums, labels = correct(sums_of(turns), errors_of(turns)) if with_people else (sums_of(turns), {})
    [found] = compare_arms(sums, ExperimentSettings(), NOW, labels=labels)
    return found


@pytest.mark.parametrize("houses", [12, pytest.param(2_000, marks=pytest.mark.statistics)])
def test_arms_are_compared_by_the_truth_where_people_were_asked(houses: int) -> None:
    """The machine errs in arm B alone: without people it is called worse, with them nothing is said, and the interval holds the truth."""
    told, held, blamed = [], 0, 0
    for seed in range(houses):
        turns = house(np.random.default_rng(seed), (0.1, 0.1), (0.0, 0.15))
        blamed += read(turns, with_people=False).decision == "worse"
        found = read(turns, with_people=True)
        assert found.effect is not None
        assert found.low is not None
        assert found.high is not None
        told.append(found.effect)
        held += found.low <= 0 <= found.high
    print(
        f"\n{houses} houses: blamed without people {blamed}, mean effect {np.mean(told):+.4f}, interval holds the truth in {held}"
    )
    assert blamed == houses
    assert held >= 0.95 * houses
    assert abs(np.mean(told)) < 4 * np.std(told) / houses**0.5 + 1e-3


@pytest.mark.parametrize("houses", [5, pytest.param(500, marks=pytest.mark.statistics)])
def test_a_true_difference_is_still_found(houses: int) -> None:
    found = [
        read(house(np.random.default_rng(seed), (0.3, 0.05), (0.0, 0.1)), with_people=True).decision
        for seed in range(houses)
    ]
    print(f"\n{houses} houses with a true difference: found in {found.count('better')}")
    assert found.count("better") >= 0.9 * houses


def test_a_few_labels_correct_nothing() -> None:
    turns = house(np.random.default_rng(1), (0.1, 0.1), (0.0, 0.15)).with_columns(asked=pl.int_range(pl.len()) < ENOUGH)
    sums = sums_of(turns)
    corrected, labels = correct(sums, errors_of(turns))
    assert labels == {}
    assert corrected.equals(sums)


def test_labels_that_all_agree_widen_the_interval_and_move_nothing() -> None:
    turns = house(np.random.default_rng(2), (0.2, 0.2), (0.0, 0.0))
    bare, told = read(turns, with_people=False), read(turns, with_people=True)
    assert told.effect == pytest.approx(bare.effect)
    assert told.high is not None
    assert bare.high is not None
    assert told.high > bare.high
    assert "corrected by" in told.reason


def test_a_judge_decides_nothing_before_people_have_looked_at_its_errors_in_each_arm() -> None:
    """It blames arm B for what is none: shown, with the reason why it decides nothing; labels in each arm tell that nothing is wrong."""
    turns = house(np.random.default_rng(3), (0.1, 0.1), (0.0, 0.15))
    judged = frozenset({METRIC})
    [bare] = compare_arms(sums_of(turns), ExperimentSettings(), NOW, judged=judged)
    corrected, labels = correct(sums_of(turns), errors_of(turns))
    [told] = compare_arms(corrected, ExperimentSettings(), NOW, labels=labels, judged=judged)
    assert read(turns, with_people=False).decision == "worse"
    assert (bare.decision, bare.effect is not None) == ("undecided", True)
    assert bare.reason.startswith("Nothing is recommended")
    assert "not yet checked by people: it decides nothing before 50 labels in each arm" in bare.reason
    assert told.decision == "undecided"
    assert "corrected by" in told.reason
    assert "not yet checked" not in told.reason
