"""One rise of weeks is one finding, two steps are two: seeded months of 110 turns a day of an app among twenty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from monitor.drift.course import course
from monitor.drift.state import Day
from tests.drift.test_course import A_DAY, TIGHT, lengths
from tests.drift.traffic import Watch

pytestmark = pytest.mark.statistics

SEEDS = 12
RISE = [30 + day * 0.35 for day in range(35)]
LATE = [30.0] * 21 + [30 + day * 0.35 for day in range(29)]
STEPS = [30.0] * 12 + [35.0] * 12 + [40.0] * 11
PLATEAU = [30.0] * 12 + [36.0] * 23

CASES = {"a rise": (RISE, 1), "a rise after three weeks": (LATE, 1), "two steps": (STEPS, 2), "one step": (PLATEAU, 1)}


@pytest.mark.parametrize("name", CASES)
def test_rises_and_steps(name: str) -> None:
    days, expected = CASES[name]
    findings: Counter[int] = Counter()
    sloped = 0
    for seed in range(1000, 1000 + SEEDS):
        watch = Watch(TIGHT)
        watch.feed(lengths(seed, days), A_DAY // 2)
        findings[len(watch.findings)] += 1
        sloped += any("it goes on" in rise.sentence for rise in watch.rises)
    print(f"\n{name}: months by number of findings {dict(findings)}, told that it goes on: {sloped}, of {SEEDS}")
    assert findings[expected] >= 0.85 * SEEDS
    rises = days in (RISE, LATE)
    assert sloped >= 0.75 * SEEDS if rises else sloped == 0


FLAT: dict[str, Callable[[int, np.random.Generator], float]] = {
    "weekends differ, 30 and 45 %": lambda day, _: 0.45 if day % 7 >= 5 else 0.30,
    "days scatter by 4 points around 30 %": lambda _, rng: float(np.clip(rng.normal(0.30, 0.04), 0, 1)),
    "nothing but chance, 30 %": lambda _, __: 0.30,
}


@pytest.mark.parametrize("name", FLAT)
def test_what_is_flat_is_hardly_ever_said_to_go_on(name: str) -> None:
    """Asked every day of the thirty after a change, which begins on each day of the week, 1,000 turns a day."""
    rng, told, houses = np.random.default_rng(7), 0, 1_000
    for house in range(houses):
        begins = house % 7
        days = []
        for day in range(begins, begins + 30):
            k = int(rng.binomial(1_000, FLAT[name](day, rng)))
            days.append(Day(day, 1_000, float(k), float(k)))
        told += any((slope := course(days[:n]).slope) is not None and slope.is_sure for n in range(1, len(days) + 1))
    print(f"\n{name}: said in {told} of {houses} months")
    assert told <= 0.05 * houses
