"""What users did before an experiment, taken out of the comparison: CUPED (Deng, Xu, Kohavi and Walker, WSDM 2013).

Users differ, and most of how they differ was there before. A regression on their own past takes that part out of both arms; what
is left varies less, so fewer users tell the same. The past cannot have been changed by the arm, so no effect is taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.stats.confidence_sequence import RatioMean, ratio_mean
from monitor.stats.ranks import Floats

ENOUGH: Final = 100
"""Users with a past, half of them in each arm, below which the regression would be guesswork."""


@dataclass(frozen=True)
class Sums:
    """Of the users of one arm, as parallel arrays: count and total of a metric in the experiment, and the same of before it."""

    n: Floats
    total: Floats
    past_n: Floats
    past_total: Floats

    @property
    def known(self) -> int:
        """How many users have a past."""
        return int((self.past_n > 0).sum())


def adjusted(control: Sums, arm: Sums) -> tuple[RatioMean, RatioMean] | None:
    """Return both arms as if their users had had the same past; None where too few have one.

    A user without a past counts as an average one, so nobody is left out.
    """
    arms = (control, arm)
    if min(side.known for side in arms) < ENOUGH // 2:
        return None
    bare = [ratio_mean(side.n, side.total) for side in arms]
    now = [(side.total - mean.value * side.n) / side.n.mean() for side, mean in zip(arms, bare, strict=True)]
    past = _pasts(arms)
    inner = [values - values.mean() for values in past]
    spread = sum(float(x @ x) / len(x) ** 2 for x in inner)
    if spread <= 0:
        return None
    slope = sum(float(e @ x) / len(x) ** 2 for e, x in zip(now, inner, strict=True)) / spread
    control_mean, arm_mean = (
        RatioMean(
            mean.value - slope * float(before.mean()),
            float(np.square(e - slope * x).sum() / max(1, len(x) - 2)),
            len(x),
        )
        for mean, before, e, x in zip(bare, past, now, inner, strict=True)
    )
    return control_mean, arm_mean


def _pasts(arms: Sequence[Sums]) -> list[Floats]:
    """How far each user was from the average of all before, in the manner of a ratio: the heavier a user, the more it counts."""
    counts = np.concatenate([side.past_n for side in arms])
    usual = sum(side.past_total.sum() for side in arms) / counts.sum()
    return [(side.past_total - usual * side.past_n) / counts.mean() for side in arms]
