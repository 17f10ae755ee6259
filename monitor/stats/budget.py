"""From the one dial, "at most B false alarms per period over everything", to a threshold and a band for each stream."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from monitor.stats.intervals import chernoff, divergence
from monitor.stats.special import bisect

LEAST: Final = 20.0
"""No threshold below this, however slow a stream: an alarm must mean something by itself."""


def alarm_threshold(outputs_per_period: float, streams: float, alarms: float) -> float:
    """Return A = N * S / B. A detector with a mean of A outputs to a false alarm gives B / S of them in N outputs.

    Budgets add up over streams whatever their dependence (linearity of expectation). A stream whose part of the budget is
    larger or smaller than others' counts as one of 1 / part streams.

    >>> alarm_threshold(182_500, streams=22, alarms=1)
    4015000.0
    """
    if alarms <= 0:
        raise ValueError("a budget of no false alarms at all can only be kept by never raising one")
    return max(LEAST, outputs_per_period * streams / alarms)


@lru_cache
def band_z(streams: float, functions: int, stages: int) -> float:
    """Return the number of standard errors around a reference mean so that no band of any stream misses, 95 times in 100.

    The z of which exp(-z * z / 2) is the error of one band, both of its sides together: a union bound over streams, functions and the
    stages of a growing baseline. A stream whose part of the budget is larger or smaller than others' counts as one of 1 / part streams.

    >>> round(band_z(22, 7, 1), 2)
    4.01
    """
    return math.sqrt(2 * math.log(max(1.0, streams) * functions * 20 * max(1, stages)))


def smallest_change(edge: float, threshold: float, within: int, bets: int = 24) -> float:
    """Return the smallest rise beyond `edge`, the upper edge of the band, that is found in about `within` outputs.

    The best bet grows by the divergence of the new mean from the edge, per output; the mixture costs the number of bets.
    For a fall pass 1 - lower edge. Returns infinity when even a rise to 1 would not be found in time.

    >>> round(smallest_change(0.20, threshold=4e6, within=500), 3)
    0.115
    """
    if edge >= 1:
        return math.inf
    need = math.log(threshold * bets) / within
    if divergence(1.0, edge) < need:
        return math.inf
    return bisect(lambda mean: divergence(mean, edge) < need, edge, 1.0) - edge


SURE: Final = 2.33
"""Standard errors of the evidence above its mean path: 99 of 100 changes are found by then."""


def outputs_to_notice(usual: float, moved: float, reference: int, threshold: float, z: float, bets: int = 24) -> float:
    """Return in how many yes-or-no outputs a rate that went from `usual` to `moved` is found, 99 times in 100.

    The band is that of a reference of so many outputs at `z` standard errors, by Chernoff's bound, which is a little wider than that of
    yes and no: rather too many outputs than too few. Where the change stays within it the answer is infinite.

    >>> round(outputs_to_notice(0.9, 0.8, reference=2000, threshold=4e5, z=3.4))
    1645
    """
    edge = chernoff(usual, reference, z * z / 2)[0 if moved < usual else 1]
    if (moved - edge) * (moved - usual) <= 0 or not 0 < edge < 1:
        return math.inf
    gain = divergence(moved, edge)
    swing = math.sqrt(moved * (1 - moved)) * abs(math.log(moved / edge) - math.log((1 - moved) / (1 - edge)))
    root = (SURE * swing + math.sqrt((SURE * swing) ** 2 + 4 * gain * math.log(threshold * bets))) / (2 * gain)
    return root * root
