"""A small score a rule, learned from the house's own labels: how much an answer is like those that people said violate it.

It serves as a guess in an estimate, and sorts the answers of the next sample; it is never a verdict. A poor score costs width and
no truth, as long as nothing is guessed by a score that has seen the label: `crossed` sees to that. Ordinary answers belong among
what it learns from, or everything harmless that it has never seen looks like a violation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.review.features import Matrix
from monitor.stats.ranks import Floats

FOLDS: Final = 5
LEARNT: Final = 600
"""Labels that one score is learned from at most: more cost time, and add little."""

STRENGTHS: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""How strongly weights are held back; which is best the labels say themselves."""

FEWEST: Final = 40
"""Labels below which nothing is learned."""

FEWEST_OF_EACH: Final = 5
"""Violations, and answers that comply, below which nothing is learned."""


@dataclass(frozen=True)
class Guesses:
    """What a score says of the labelled answers, of each without its own label, and of `others`; zero is what is usual."""

    labelled: Floats
    others: Floats


def learnable(violates: Floats) -> bool:
    """Whether there are labels enough of both kinds."""
    found = int(violates.sum())
    return len(violates) >= FEWEST and min(found, len(violates) - found) >= FEWEST_OF_EACH


def weights(features: Matrix, violates: Floats) -> Floats:
    """Return the weights of the ridge regression of `violates` on `features`; its strength by generalised cross-validation.

    Golub, Heath and Wahba (Technometrics 1979), solved in as many dimensions as there are labels.
    """
    away = violates - violates.mean()
    exact = features.astype(np.float64)
    values, vectors = np.linalg.eigh(exact @ exact.T)
    along = vectors.T @ away

    def criterion(strength: float) -> float:
        left = strength / (np.maximum(values, 0) + strength)
        return float(np.square(left * along).sum() / max(1e-9, left.sum()) ** 2)

    strength = min(STRENGTHS, key=criterion)
    told: Floats = exact.T @ (vectors @ (along / (np.maximum(values, 0) + strength)))
    return told


def crossed(features: Matrix, violates: Floats, others: Matrix, more: Matrix, more_violates: Floats) -> Guesses:
    """Return guesses for labelled answers and for `others`, each labelled one by a score that was learned without it.

    `more` are answers that are learned from and guessed of nowhere: picks, and ordinary ones. Cross-prediction (Zrnic and Candes,
    PNAS 2024): what is said of `others` is the mean of all folds. Features are those of `monitor.review.features`.
    """
    usual = np.concatenate([features, others]).mean(axis=0)
    features, others, more = features - usual, others - usual, more - usual
    fold = np.arange(len(violates)) % min(FOLDS, len(violates))
    of_labelled, whole = np.zeros(len(violates)), np.zeros(features.shape[1])
    folds = np.unique(fold)
    for held in folds:
        rest = np.flatnonzero(fold != held)[:LEARNT]
        learned = weights(np.concatenate([features[rest], more]), np.concatenate([violates[rest], more_violates]))
        of_labelled[fold == held] = features[fold == held] @ learned
        whole += learned / len(folds)
    return Guesses(of_labelled, others @ whole)
