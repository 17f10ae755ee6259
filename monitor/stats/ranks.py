"""Numbers as ranks in a reference, and the dictionary of functions of a rank that a change of shape cannot escape.

A mean of ranks alone misses a change of spread or of one tail; averaging e-detectors over seven bounded functions costs a
factor of seven in evidence and finds those too (measured in docs/decisions/0003).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FUNCTIONS: Final = ("rank", "spread", "top tenth", "bottom tenth", "top quarter", "bottom quarter", "below median")
"""The columns of `rank_functions`, in order."""


def mid_ranks(reference: Floats, values: ArrayLike) -> Floats:
    """Return for each value its mid-rank in the sorted `reference`, in [0, 1]; ties count half.

    >>> mid_ranks(np.array([1.0, 2.0, 2.0, 3.0]), [0, 2, 9]).tolist()
    [0.0, 0.5, 1.0]
    """
    below = np.searchsorted(reference, values, side="left")
    upto = np.searchsorted(reference, values, side="right")
    ranks: Floats = (below + upto) / (2.0 * len(reference))
    return ranks


def rank_functions(ranks: Floats) -> Floats:
    """Return the seven functions of each rank as columns, all in [0, 1] (shape: len(ranks) x 7).

    >>> rank_functions(np.array([0.95])).round(2).tolist()
    [[0.95, 0.9, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """
    indicators = (ranks > 0.9, ranks < 0.1, ranks > 0.75, ranks < 0.25, ranks < 0.5)
    return np.column_stack((ranks, np.abs(2 * ranks - 1), *indicators)).astype(np.float64)
