"""Days of answers that a judge can look at only some of: its rate where strata are of applications alone, and where they are of bands, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.judges.allocation import StratumCounts, allocated
from monitor.second_phase import SecondPhase
from monitor.stats.estimators import clustered_interval, hajek
from monitor.stats.intervals import Interval, share_interval
from monitor.stats.ranks import Floats

DAY: Final = 2_000
BY_APP, BY_BAND = "by app", "by app and band"
Bands = NDArray[np.int64]


@dataclass(frozen=True)
class Cheap:
    """What local graders flag of violations and of the rest, and how much else of both they are unsure of."""

    finds: float
    cries_wolf: float
    unsure: tuple[float, float] = (0.3, 0.1)

    def bands(self, violates: Floats, rng: np.random.Generator) -> Bands:
        """Return the band of every answer: 0 flagged, 1 unsure, 2 clean."""
        flagged = rng.random(len(violates)) < np.where(violates > 0, self.finds, self.cries_wolf)
        unsure = rng.random(len(violates)) < np.where(violates > 0, *self.unsure)
        return np.where(flagged, 0, np.where(unsure, 1, 2)).astype(np.int64)

    def __str__(self) -> str:
        """Return it as a line of a table names it."""
        return f"local graders {self.finds:g}/{self.cries_wolf:g}"


def days(rate: float, cheap: Cheap, calls: int, number: int, seed: int) -> Iterator[dict[str, Interval]]:
    """Yield what each way says of `number` days, after a week in which as many calls a day were spread evenly."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        known, violates = _day(rate, rng), _day(rate, rng)
        before, band = cheap.bands(known, rng), cheap.bands(violates, rng)
        asked = rng.random(DAY) < min(1.0, 7 * calls / DAY)
        yield {
            BY_APP: _by_app(violates, calls, rng),
            BY_BAND: _by_band(violates, band, _rates(known, before, asked, calls), rng),
        }


def _day(rate: float, rng: np.random.Generator) -> Floats:
    return rng.permutation((np.arange(DAY) < round(DAY * rate)).astype(np.float64))


def _rates(known: Floats, band: Bands, asked: NDArray[np.bool_], calls: int) -> Floats:
    """The rates of the bands, by what was said of those that were asked about before; an empty band is taken to have its prior share."""
    strata = {
        one: StratumCounts(
            float((band == one).sum()) or 0.05 * DAY,
            int(known[asked & (band == one)].sum()),
            int((asked & (band == one)).sum()),
        )
        for one in range(3)
    }
    rates: Mapping[int, float] = allocated(calls, strata)
    return np.array([rates.get(one, 1.0) for one in range(3)])


def _by_app(violates: Floats, calls: int, rng: np.random.Generator) -> Interval:
    rate = allocated(calls, {"": StratumCounts(DAY, 1, 100)})[""]
    drawn = violates[rng.random(DAY) < rate]
    return clustered_interval(hajek(drawn, np.full(len(drawn), rate), np.arange(len(drawn)))).interval


def _by_band(violates: Floats, band: Bands, rates: Floats, rng: np.random.Generator) -> Interval:
    chance = rates[band]
    drawn = rng.random(DAY) < chance
    second = SecondPhase((band + 1).astype(np.uint64), np.ones(DAY))
    found = second.share(violates, drawn, np.where(drawn, chance, 0.0), np.arange(DAY))
    return share_interval(found.value * found.worth, found.worth).interval
