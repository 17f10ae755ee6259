"""How far two who looked at the same answers agree, people or a judge and people: on violations first, since all agree where nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.stats.intervals import share_interval

FEWEST: Final = 30
"""Pairs below which no number is shown: two splits more or less would turn it over."""


@dataclass(frozen=True)
class Agreement:
    """Counts, and where there are pairs enough: positive agreement with its interval, Cohen's kappa, Gwet's AC1."""

    pairs: int
    both: int
    splits: int
    positive: float | None = None
    low: float | None = None
    high: float | None = None
    kappa: float | None = None
    ac1: float | None = None


def agreement(pairs: Sequence[tuple[bool, bool]], confidence: float = 0.95) -> Agreement:
    """Return how far two agree on `pairs` of verdicts (True: violates).

    Positive agreement is the share of all said to violate on which both said so (Cicchetti and Feinstein 1990): 2 a / (2 a + b + c).
    None where nobody said that anything violates.

    >>> told = agreement([(True, True)] * 2 + [(True, False)] * 2 + [(False, True)] + [(False, False)] * 195)
    >>> round(told.positive, 2), round(told.kappa, 2), round(told.ac1, 2)
    (0.57, 0.56, 0.98)
    """
    n, both = len(pairs), sum(a and b for a, b in pairs)
    splits = sum(a != b for a, b in pairs)
    if n < FEWEST:
        return Agreement(n, both, splits)
    observed = 1 - splits / n
    kappa, ac1 = _kappa(pairs, observed), _ac1(pairs, observed)
    if not both + splits:
        return Agreement(n, both, splits, kappa=kappa, ac1=ac1)
    of_both = share_interval(both, both + splits, confidence).interval
    positive, low, high = (2 * share / (1 + share) for share in (both / (both + splits), *of_both))
    return Agreement(n, both, splits, positive, low, high, kappa, ac1)


def _kappa(pairs: Sequence[tuple[bool, bool]], observed: float) -> float | None:
    first, second = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
    by_chance = first * second + (1 - first) * (1 - second)
    return None if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)


def _ac1(pairs: Sequence[tuple[bool, bool]], observed: float) -> float:
    """Gwet (Br. J. Math. Stat. Psychol. 2008)."""
    share = sum(sum(pair) for pair in pairs) / (2 * len(pairs))
    by_chance = 2 * share * (1 - share)
    return (observed - by_chance) / (1 - by_chance)
