"""Rates from a weak judge and a few labels: they cover, no method that covers is much narrower, and the judge alone fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest

from monitor.stats.intervals import FEW, Interval, clopper_pearson, jeffreys, wilson
from tests.statistics.judged import NAIVE, OURS, Held, WeakJudge, held, months
from tests.support.shared import DATA, needs_shared

pytestmark = [needs_shared, pytest.mark.statistics]

LABELS = {"gptfuzz_human": "human_jailbroken", "halueval_general": "human_hallucination"}
JUDGES = (WeakJudge(0.25, 0.03), WeakJudge(0.18, 0.07), WeakJudge(0.6, 0.15), WeakJudge(0.6, 0.15, unsure=True))
MONTHS = 1_500
RARE = 3_000


def shown(what: str, found: Mapping[str, Held]) -> None:
    told = ", ".join(f"{way} {one.coverage:.3f} / {one.width:.4f}" for way, one in found.items())
    print(f"\n{what}: coverage / width: {told}")


def narrowest(found: Mapping[str, Held]) -> float:
    """The least width of the ways that cover, ours aside, and the judge alone, which is right where its errors happen to cancel out."""
    return min(one.width for way, one in found.items() if one.coverage >= 0.925 and way not in {OURS, NAIVE})


@pytest.mark.parametrize("judge", JUDGES, ids=str)
@pytest.mark.parametrize("n", [100, 300])
@pytest.mark.parametrize("file", LABELS)
def test_rates_of_a_weak_judge_and_some_labels_cover(file: str, n: int, judge: WeakJudge) -> None:
    """Nominal .95 on the labels of people, 2,000 answers a month of which `n` are labelled."""
    violates = pl.read_parquet(DATA / f"{file}.parquet")[LABELS[file]].to_numpy().astype(float)
    found = held(list(months(violates, judge, n, MONTHS, seed=n)), violates.mean())
    shown(f"{file}, {judge}, n = {n}, true {violates.mean():.3f}", found)
    assert found[OURS].coverage >= 0.925
    assert found[OURS].width <= 1.05 * narrowest(found)
    if abs(judge.share(violates.mean()) - violates.mean()) > 0.03:
        assert found[NAIVE].coverage < 0.5


@pytest.mark.parametrize("judge", [*JUDGES, WeakJudge(0.9, 0.02)], ids=str)
def test_rare_violations_cover_whatever_the_judge(judge: WeakJudge) -> None:
    """1 of 100 answers violates, 100 of 20,000 are labelled."""
    violates = (np.arange(20_000) < 200).astype(float)
    found = held(list(months(violates, judge, 100, RARE, seed=1, size=20_000)), 0.01)
    shown(f"rare 1 %, {judge}, n = 100", found)
    assert found[OURS].coverage >= 0.93
    assert found[OURS].width <= 1.05 * narrowest(found)


def test_what_it_costs_to_be_narrow_where_violations_are_few() -> None:
    """The least coverage over rates: of the exact interval beside that of Jeffreys, which corrected rates have at the edges."""
    rates = np.linspace(0.002, 0.1, 197)
    for n in (100, 300):
        told = {
            interval.__name__: [_coverage(interval, n, float(rate)) for rate in rates]
            for interval in (clopper_pearson, jeffreys)
        }
        for name, covered in told.items():
            low = int(np.argmin(covered))
            print(
                f"\n{name}, n = {n}: mean {np.mean(covered):.3f}, least {covered[low]:.3f} at a rate of {rates[low]:.4f}"
            )
        assert min(told["jeffreys"]) >= 0.87
        assert np.mean(told["jeffreys"]) >= 0.94


def _coverage(interval: Callable[[float, float], Interval], n: int, rate: float) -> float:
    """How often labels alone cover `rate` with `interval` where positives are few and Wilson's elsewhere."""
    seen = np.arange(min(n, 60) + 1)
    chance = np.array([math.comb(n, int(x)) * rate**x * (1 - rate) ** (n - x) for x in seen])
    told = [(interval if x < FEW else wilson)(float(x), float(n)) for x in seen]
    return float(chance[[low <= rate <= high for low, high in told]].sum())
