"""One rise of weeks is one finding, two steps are two: seeded months of 110 turns a day of an app among twenty."""

from __future__ import annotations

from collections import Counter

import pytest

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
