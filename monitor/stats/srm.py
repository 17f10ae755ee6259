"""Sample-ratio mismatch: did users arrive in the arms in the shares that were designed? If not, nothing after can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

MISMATCH: Final = 1000.0
"""At this e-value the design is not what happened; false at most once in 1000 experiments, however often it is looked at."""

_STRENGTH: Final = 1000.0
"""Weight of the design in the alternative, as users: mismatches of a few points are what is looked for."""


def srm_e_value(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the e-value against "each user falls into arm k with probability shares[k]".

    A Dirichlet mixture of multinomials centred on the design: Beta(500, 500) for two equal arms (Lindon and Malek, "Anytime-
    valid inference for multinomial count data", NeurIPS 2022). Valid at any time. Not for requests: count users once.

    >>> srm_e_value([5000, 5000], [0.5, 0.5]) < 1
    True
    >>> srm_e_value([5400, 4600], [0.5, 0.5]) > MISMATCH
    True
    """
    _check(counts, shares)
    whole = math.fsum(shares)
    design = [share / whole for share in shares]
    log_e = math.lgamma(_STRENGTH) - math.lgamma(_STRENGTH + sum(counts))
    for count, share in zip(counts, design, strict=True):
        prior = _STRENGTH * share
        log_e += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return math.exp(min(log_e, 690.0))


def _check(counts: Sequence[int], shares: Sequence[float]) -> None:
    if len(counts) != len(shares) or len(counts) < 2:
        raise ValueError("a sample ratio needs two arms or more, each with its designed share")
    if min(counts) < 0 or min(shares) <= 0:
        raise ValueError("counts must not be negative, and a designed share must be above zero")
