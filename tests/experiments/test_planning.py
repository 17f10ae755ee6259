"""How long an experiment takes, told before it starts, is how long it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.config.schema import ExperimentSettings
from monitor.errors import Forbidden, UsageError
from monitor.experiments.planning import DAYS, Design, plan
from monitor.stats.confidence_sequence import compare_ratios, ratio_mean
from monitor.store.opening import Store
from plumbline.api.call import Actor
from plumbline.api.experiment_questions import ExperimentPlan
from plumbline.experiments import experiment_plan
from tests.store.rows import START

DESIGN = Design(smallest=0.05, alpha=0.05, comparisons=6)


def history(rng: np.random.Generator, a_day: int, rate: float = 0.2) -> pl.DataFrame:
    """So many users come on each day; half come back on the day after."""
    came = np.repeat(np.arange(DAYS), a_day)
    back = np.flatnonzero((rng.random(len(came)) < 0.5) & (came < DAYS - 1))
    unit, day = np.concatenate([np.arange(len(came)), back]), np.concatenate([came, came[back] + 1])
    n = 1 + rng.poisson(1, len(unit))
    return pl.DataFrame({"unit": unit.astype(str), "day": day, "n": n, "total": rng.binomial(n, rate).astype(float)})


def test_so_many_users_tell_the_difference_eight_times_out_of_ten() -> None:
    rng = np.random.default_rng(1)
    found = plan(history(rng, 300), DESIGN)
    assert found is not None
    assert found.days is not None
    assert found.value == pytest.approx(0.2, abs=0.01)
    told = 0
    for _ in range(200):
        counts = [1 + rng.poisson(1, found.users // 2) + rng.binomial(1, 0.5, found.users // 2) * 2 for _ in "AB"]
        totals = [rng.binomial(n, rate) for n, rate in zip(counts, (0.2, 0.25), strict=True)]
        control, arm = (ratio_mean(n, total) for n, total in zip(counts, totals, strict=True))
        told += compare_ratios(control, arm, DESIGN.alpha / DESIGN.comparisons).interval.low > 0
    assert 0.7 <= told / 200 <= 0.97


@pytest.mark.parametrize(
    ("other", "longer"),
    [(replace(DESIGN, share=0.2), True), (replace(DESIGN, arms=4), True), (replace(DESIGN, smallest=0.2), False)],
)
def test_less_traffic_and_more_arms_take_longer_and_a_larger_difference_does_not(
    other: Design, *, longer: bool
) -> None:
    days = history(np.random.default_rng(2), 300)
    usual, changed = plan(days, DESIGN), plan(days, other)
    assert usual is not None
    assert changed is not None
    assert ((changed.days or 999) > (usual.days or 999)) is longer


def test_what_a_year_does_not_tell_is_said_and_few_users_tell_nothing() -> None:
    days = history(np.random.default_rng(3), 4)
    rare = plan(days, Design(smallest=0.001, alpha=0.05))
    assert rare is not None
    assert rare.days is None
    assert plan(days.filter(pl.col("unit").cast(pl.Int64) < 50), DESIGN) is None


def test_the_answer_is_a_sentence_from_the_turns_of_the_app() -> None:
    clock = FakeClock(START + timedelta(days=DAYS))
    store = Store.scratch(clock)
    rng = np.random.default_rng(4)
    n = 4_000
    turns = pl.DataFrame(
        {
            "trace_id": [f"{number:032x}" for number in range(n)],
            "seq": np.arange(1, n + 1),
            "app": "shop",
            "user_id": rng.integers(0, 3_000, n).astype(str),
            "time": START.replace(tzinfo=None)
            + pl.Series(np.sort(rng.uniform(0, DAYS * 86_400, n)) * 1e6).cast(pl.Duration("us")),
            "error_type": ["Timeout" if bad else None for bad in rng.random(n) < 0.1],
        }
    )
    with store.transaction() as txn:
        txn.insert("turns", turns)
    asked = ExperimentPlan("shop", "error", 0.05)
    told = experiment_plan(store, ExperimentSettings(), asked, clock.now(), Actor("anna"), {})
    assert told["sentence"].startswith(f"About {told['days']} days for 5 points: ")
    assert (
        "; share of turns with an error is 9." in told["sentence"]
        or "; share of turns with an error is 10." in told["sentence"]
    )
    assert told["comparisons"] == 5
    nobody = ExperimentPlan("shop", "rule:R-1", 0.05)
    answer = experiment_plan(store, ExperimentSettings(), nobody, clock.now(), Actor("anna"), {"R-1": "No promises"})
    assert answer["sentence"].startswith("Nothing can be said: ")
    assert answer["sentence"].endswith("in the last 28 days: violation rate of “No promises”")
    with pytest.raises(Forbidden):
        experiment_plan(
            store,
            ExperimentSettings(),
            asked,
            clock.now(),
            Actor("kim", apps=frozenset({"bank"})),
            {},
        )
    with pytest.raises(UsageError):
        ExperimentPlan("shop", "error", 0.0).check()
    store.close()
