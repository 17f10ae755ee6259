"""Shares from samples drawn with known, unequal probabilities, with variances that respect users.

Design-based: every unit carries the probability with which the plan picked it, known before anything was seen of it. Units
of one user are one cluster. Not for convenience samples, whose probabilities nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.stats.intervals import Chosen, Interval, jeffreys, share_interval, too_few, wilson
from monitor.stats.ranks import Floats
from monitor.stats.special import student_quantile

Labels = NDArray[np.int64]
SPARSE: Final = 8
"""Numbers of clusters up to so many times the rows are counted without sorting them."""


@dataclass(frozen=True)
class Estimated:
    """A value, its variance over repeated samples of whole clusters, and the numbers of units and clusters behind it."""

    value: float
    variance: float
    n: int
    clusters: int


def cluster_labels(names: Sequence[str]) -> Labels:
    """Return for each name a small number that equal names share.

    >>> cluster_labels(["b", "a", "b"]).tolist()
    [1, 0, 1]
    """
    labels: Labels = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)[1]
    return labels.astype(np.int64)


def horvitz_thompson(y: ArrayLike, probability: ArrayLike, clusters: Labels, population: int) -> Estimated:
    """Return sum(y / pi) / N (Horvitz and Thompson, JASA 1952), for a `population` of known size N.

    Unbiased, but noisy when the number of picked units varies: prefer `hajek` for shares.

    >>> horvitz_thompson([1, 0, 1], [0.5, 0.5, 0.25], np.arange(3), 10).value
    0.6
    """
    expanded = _array(y) / _array(probability)
    value = float(expanded.sum()) / population
    # The cluster totals spread around their mean: with-replacement approximation, a little wide for heavy sampling.
    totals = _totals(clusters, expanded)
    return Estimated(value, _spread(totals - totals.mean()) / population**2, len(expanded), len(totals))


def hajek(y: ArrayLike, probability: ArrayLike, clusters: Labels) -> Estimated:
    """Return sum(y / pi) / sum(1 / pi) (Hajek 1971) with the variance of its linearisation over clusters.

    >>> hajek([1, 0, 0, 1], [1, 1, 0.5, 0.5], np.arange(4)).value
    0.5
    """
    values, weights = _array(y), 1.0 / _array(probability)
    value = float((values * weights).sum() / weights.sum())
    residuals = _totals(clusters, weights * (values - value))
    return Estimated(value, _spread(residuals) / float(weights.sum()) ** 2, len(values), len(residuals))


@dataclass(frozen=True)
class Strata:
    """Where the drawn units of a second phase lie: the stratum of each, how many units the first phase found in each, and clusters of those in all."""

    of: Labels
    sizes: Floats
    clusters: int


@dataclass(frozen=True)
class Stratified:
    """A share, and how many independent units would know it as well, which may be more than were drawn."""

    value: float
    worth: float


def stratified(y: ArrayLike, probability: ArrayLike, clusters: Labels, strata: Strata) -> Stratified:
    """Return sum(size * mean) / sum(size) over strata that a first phase told, each mean weighted by 1 / pi (Neyman, JASA 1938; Cochran 1977, 12.2).

    The variance is that within strata over clusters, and between them what the first phase has. A stratum where nobody violates is reckoned
    as if half a unit had, so that a few calls without one prove no more than they can. One with fewer than two units goes with the largest.

    >>> stratified([1, 0, 0, 0], [1, 1, 0.5, 0.5], np.arange(4), Strata(np.array([0, 0, 1, 1]), np.array([2.0, 6.0]), 8)).value
    0.125
    """
    values, weights = _array(y), 1.0 / _array(probability)
    of, sizes = _collapsed(strata)
    share, drawn = sizes / sizes.sum(), np.bincount(of, weights, len(sizes))
    means = np.bincount(of, weights * values, len(sizes)) / drawn
    value = float((share * means).sum())
    within = (
        _spread(_totals(clusters, (share * weights.sum() / drawn)[of] * weights * (values - means[of])))
        / weights.sum() ** 2
    )
    effective = np.square(drawn) / np.bincount(of, np.square(weights), len(sizes))
    guess = (means * effective + 0.5) / (effective + 1)
    unseen = float((np.square(share) * np.maximum(0, guess * (1 - guess) - means * (1 - means)) / effective).sum())
    between = float((share * np.square(means - value)).sum()) / max(1, strata.clusters)
    middle, groups = float((share * guess).sum()), len(np.unique(clusters))
    few = student_quantile(0.975, len(values) - 1) / student_quantile(0.975, groups - 1) if groups > 1 else 0.0
    worth = middle * (1 - middle) / (within + unseen + between) * few**2
    return Stratified(value, float(min(strata.clusters, max(1.0, worth))))


def _collapsed(strata: Strata) -> tuple[Labels, Floats]:
    """Strata of two drawn units at least, numbered from 0, and their sizes: the others go with the largest of them."""
    n = np.bincount(strata.of, minlength=len(strata.sizes))
    large = int(np.argmax(np.where(n >= min(2, n.max()), strata.sizes, -1.0)))
    goes = np.where(n >= 2, np.arange(len(n)), large)
    kept, numbered = np.unique(goes, return_inverse=True)
    sizes = np.bincount(numbered, strata.sizes, len(kept)).astype(np.float64)
    return numbered.astype(np.int64)[strata.of], sizes


def difference(
    y: ArrayLike, guess: ArrayLike, probability: ArrayLike, clusters: Labels, guesses: ArrayLike
) -> Estimated:
    """Return mean(guesses) + sum((y - guess) / pi) / N: a cheap guess for all, corrected where the truth was looked up.

    The difference estimator (Cassel, Sarndal and Wretman, Biometrika 1976); `guesses` are those of all N units. A poor guess
    costs precision, never correctness. Not for fewer than 20 true positives: its normal interval is too short there.

    >>> difference([1, 0], [1, 0], [0.5, 0.5], np.arange(2), [1, 0, 1, 0]).value
    0.5
    """
    all_guesses = _array(guesses)
    errors = horvitz_thompson(_array(y) - _array(guess), probability, clusters, len(all_guesses))
    variance = errors.variance + float(all_guesses.var()) / len(all_guesses)
    return Estimated(float(all_guesses.mean()) + errors.value, variance, errors.n, errors.clusters)


@dataclass(frozen=True)
class Labelled:
    """The units among the guessed ones whose truth was looked up: their rows, the truth, and the probability of being picked for it."""

    rows: Labels
    truth: Floats
    probability: Floats


@dataclass(frozen=True)
class Corrected:
    """A share that guesses and labels tell together, and how many independent labels alone would know it as well.

    `slope` is how far the guesses were believed, from 0 (labels alone) to 1; `n` how many were labelled.
    """

    value: float
    worth: float
    n: int
    slope: float


def corrected(guess: ArrayLike, probability: ArrayLike, clusters: Labels, labelled: Labelled) -> Corrected:
    """Return the share of the labels, moved by how much more or less the guesses say of all than of those that were labelled.

    The difference estimator for two samples with known probabilities (Sarndal, Swensson and Wretman 1992, chapter 9) with the slope
    that makes its variance over clusters least (PPI++: Angelopoulos, Duchi and Zrnic 2023): guesses that help narrow it, others are
    left out. Two errors that nobody saw are reckoned in, so that a few labels that all agree are no proof that the guesses never
    err. Guesses may be verdicts or probabilities.

    >>> corrected([1, 0, 1, 0] * 25, [1] * 100, np.arange(100), Labelled(np.arange(40), np.array([1.0, 0.0] * 20), np.ones(40))).value
    0.5
    """
    guesses, weights = _array(guess), 1.0 / _array(probability)
    rows, inverse = labelled.rows, 1.0 / labelled.probability
    alone = hajek(labelled.truth, labelled.probability, clusters[rows])
    of_labelled = float((guesses[rows] * inverse).sum() / inverse.sum())
    of_all = float((guesses * weights).sum() / weights.sum())
    along = weights * (guesses - of_all) / weights.sum()
    np.add.at(along, rows, -inverse * (guesses[rows] - of_labelled) / inverse.sum())
    truth = np.zeros(len(guesses))
    truth[rows] = inverse * (labelled.truth - alone.value) / inverse.sum()
    slope, left = _believed(_totals(clusters, truth), _totals(clusters, along), _unseen(inverse, alone), alone.clusters)
    value = min(1.0, max(0.0, alone.value + slope * (of_all - of_labelled)))
    return Corrected(value, effective_n(alone) / left, len(rows), slope)


def _unseen(inverse: Floats, alone: Estimated) -> float:
    """The variance that two errors would add, one each way, which nobody saw."""
    effective = float(inverse.sum() ** 2 / np.square(inverse).sum()) * alone.clusters / alone.n
    return 2 / (effective + 2) ** 2


def _believed(truth: Floats, along: Floats, unseen: float, labelled: int) -> tuple[float, float]:
    """Return the slope on guesses, and what is left of the variance with it: 0 and 1 where guesses are of no use.

    What the slope costs to estimate is a degree of freedom of the clusters that were `labelled`.
    """
    squares = float(np.square(along).sum())
    slope = min(1.0, max(0.0, -float((truth * along).sum()) / squares)) if squares > 0 else 0.0
    before = float(np.square(truth).sum()) + unseen
    left = (float(np.square(truth + slope * along).sum()) + unseen) / before * (1 + 1 / max(1, labelled - 2))
    return (slope, left) if left < 1 else (0.0, 1.0)


def corrected_interval(found: Corrected, confidence: float = 0.95) -> Interval:
    """Return the interval of a corrected share, on what it is worth in labels: Wilson's, or that of Jeffreys where positives are few.

    Not for fewer than 20 labels: one error more or less moves it by more than anybody wants to know.
    """
    positives = found.value * found.worth
    few = too_few(positives, found.worth)
    return (jeffreys if few else wilson)(positives, found.worth, confidence)


def effective_n(estimated: Estimated, confidence: float = 0.95) -> float:
    """Return the number of independent units that would know a share as well: p (1 - p) / variance, at most n.

    Corrected for few clusters by Student's quantiles (Korn and Graubard, Survey Methodology 1998). At a share of 0 or 1 the
    variance says nothing and the clusters count.
    """
    if estimated.clusters < 2:
        return 1.0
    p = min(1.0, max(0.0, estimated.value))
    if estimated.variance <= 0 or p in {0.0, 1.0}:
        return float(estimated.clusters)
    upper = (1 + confidence) / 2
    few = student_quantile(upper, estimated.n - 1) / student_quantile(upper, estimated.clusters - 1)
    return float(min(estimated.n, max(1.0, p * (1 - p) / estimated.variance * few**2)))


def clustered_interval(estimated: Estimated, confidence: float = 0.95) -> Chosen:
    """Return the interval of a share on its effective n: Wilson's, or the exact one where positives are few.

    The exact form is Korn and Graubard's. Not for values that are not a share.

    >>> clustered_interval(hajek([1] * 30 + [0] * 70, [1.0] * 100, np.arange(100))).method
    'wilson'
    """
    n = effective_n(estimated, confidence)
    return share_interval(min(1.0, max(0.0, estimated.value)) * n, n, confidence)


def _totals(clusters: Labels, values: Floats) -> Floats:
    """Sums per cluster that is there, in the order of their numbers; small numbers need no sorting."""
    if len(clusters) and clusters.min() >= 0 and clusters.max() < SPARSE * len(clusters):
        return np.bincount(clusters, values)[np.bincount(clusters) > 0].astype(np.float64)
    present: Labels = np.unique(clusters, return_inverse=True)[1]
    return np.bincount(present, values).astype(np.float64)


def _spread(totals: Floats) -> float:
    """Sum of squares of cluster totals, with the small-sample factor G / (G - 1)."""
    groups = len(totals)
    return float(np.square(totals).sum()) * groups / max(1, groups - 1)


def _array(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
