"""Months of answers with people's labels and a weak judge's grades: what each way to a rate says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.stats.estimators import Labelled, corrected, corrected_interval
from monitor.stats.intervals import Interval, clopper_pearson, jeffreys, share_interval, wilson
from monitor.stats.ranks import Floats

MONTH: Final = 2_000
OURS, PEOPLE, NAIVE = "ours", "people alone", "judge alone"
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class WeakJudge:
    """Finds a share of the violations and blames a share of the rest; one that is `unsure` says probabilities instead."""

    recall: float
    false_alarm: float
    unsure: bool = False

    def says(self, violates: Floats, rng: np.random.Generator) -> Floats:
        """Return its word, or its belief, on every answer."""
        hit = rng.random(len(violates)) < np.where(violates > 0, self.recall, self.false_alarm)
        if not self.unsure:
            return hit.astype(np.float64)
        return np.where(hit, rng.beta(4, 2, len(hit)), rng.beta(1, 6, len(hit)))

    def share(self, violating: float) -> float:
        """Return the share that it blames where so much violates; Beta(4, 2) lies above one half 13 times of 16, Beta(1, 6) once of 64."""
        blamed = self.recall * violating + self.false_alarm * (1 - violating)
        return blamed * 13 / 16 + (1 - blamed) / 64 if self.unsure else blamed

    def __str__(self) -> str:
        """Return it as a line of a table names it."""
        return f"judge {self.recall:g}/{self.false_alarm:g}{' with probabilities' if self.unsure else ''}"


def months(
    violates: Floats, judge: WeakJudge, n: int, number: int, seed: int, size: int = MONTH
) -> Iterator[dict[str, Interval]]:
    """Yield what each way says of `number` months of `size` answers, of which people label `n` that were drawn by lot."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        month = rng.permutation(violates)[:size]
        yield ways(month, judge.says(month, rng), rng.permutation(size)[:n])


def ways(truth: Floats, said: Floats, drawn: Rows) -> dict[str, Interval]:
    """Return the interval for the rate by each way, of which only the `drawn` have their truth known."""
    y, n, whole = truth[drawn], len(drawn), len(truth)
    found = corrected(said, np.ones(whole), np.arange(whole), Labelled(drawn, y, np.full(n, n / whole)))
    flagged = said >= 0.5
    return {
        OURS: corrected_interval(found),
        PEOPLE: share_interval(y.sum(), n).interval,
        "people, Wilson": wilson(y.sum(), n),
        "people, exact": clopper_pearson(y.sum(), n),
        "people, Jeffreys": jeffreys(y.sum(), n),
        "PPI++": powered(y, said[drawn], said),
        "by the judge's word": stratified(y, flagged[drawn], flagged),
        "Rogan-Gladen": rogan_gladen(y, flagged[drawn], flagged),
        NAIVE: share_interval(float(flagged.sum()), whole).interval,
    }


def _around(value: float, variance: float) -> Interval:
    reach = 1.959964 * variance**0.5
    return Interval(value - reach, value + reach)


def powered(y: Floats, f: Floats, all_f: Floats) -> Interval:
    """The textbook's power-tuned estimate with its normal interval."""
    n, whole = len(y), len(all_f)
    spread = float(all_f.var())
    slope = np.clip(np.cov(y, f)[0, 1] / ((1 + n / whole) * spread), 0, 1) if spread > 0 else 0.0
    rest = y - slope * f
    return _around(slope * all_f.mean() + rest.mean(), slope**2 * spread / whole + rest.var(ddof=1) / n)


def stratified(y: Floats, flag: NDArray[np.bool_], flags: NDArray[np.bool_]) -> Interval:
    """Post-stratified by the judge's word, with add-one variances."""
    value = variance = 0.0
    for side in (True, False):
        share, own = float((flags == side).mean()), y[flag == side]
        guess = (own.sum() + 1) / (len(own) + 2)
        value += share * (own.mean() if len(own) else 0.5)
        variance += share**2 * guess * (1 - guess) / max(1, len(own))
    return _around(value, variance)


def rogan_gladen(y: Floats, flag: NDArray[np.bool_], flags: NDArray[np.bool_]) -> Interval:
    """(q + specificity - 1) / (sensitivity + specificity - 1) by the delta method: a diagnostic."""
    bad, good = max(1.0, y.sum()), max(1.0, (1 - y).sum())
    recall, alarm, q = float((flag * y).sum()) / bad, float((flag * (1 - y)).sum()) / good, float(flags.mean())
    span = max(0.01, recall - alarm)
    value = (q - alarm) / span
    of_errors = (1 - value) ** 2 * alarm * (1 - alarm) / good + value**2 * recall * (1 - recall) / bad
    return _around(value, (q * (1 - q) / len(flags) + of_errors) / span**2)


@dataclass(frozen=True)
class Held:
    """How often the intervals of one way held the truth, and how wide they were on average."""

    coverage: float
    width: float


def held(told: list[dict[str, Interval]], truth: float) -> Mapping[str, Held]:
    """Return coverage and width by way; what lies beyond 0 and 1 has no width."""
    found = {}
    for way in told[0]:
        spans = [one[way] for one in told]
        width = np.mean([min(1.0, one.high) - max(0.0, one.low) for one in spans])
        found[way] = Held(float(np.mean([low <= truth <= high for low, high in spans])), float(width))
    return found
