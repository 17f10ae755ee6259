"""How many answers each app gave under each rule, by bucket of time: what limits, starts and budgets are read from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, groupby, pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """The answers of one app under one rule, an entry a bucket, in the order of time: how many there were, and the bad ones.

    `probability` is how probable it was that they were looked at, NaN where nobody knows.
    """

    app: str
    rule_id: str
    buckets: pl.Series
    n: Floats
    bad: Floats
    probability: Floats

    @property
    def spotless(self) -> bool:
        """Whether no answer was bad: then there is no limit to hold against, and no rise to date."""
        return not self.bad.any()

    def bucket(self, at: int) -> datetime:
        """Return when a bucket begins, naive UTC."""
        begins: datetime = self.buckets[at]
        return begins


def counted(counts: pl.DataFrame) -> list[Counted]:
    """Return `counts` (app, rule_id, bucket, probability or NULL, n, bad; in the order of time) by app and rule.

    >>> [one] = counted(pl.DataFrame({"app": "shop", "rule_id": "R-1", "bucket": [datetime(2026, 3, 1)], "probability": 0.5, "n": 4.0, "bad": 1.0}))
    >>> one.app, one.rule_id, float(one.bad.sum() / one.n.sum()), one.spotless
    ('shop', 'R-1', 0.25, False)
    """
    rows = counts.sort("app", "rule_id", maintain_order=True)
    runs = [(key, len([*same])) for key, same in groupby(rows[["app", "rule_id"]].iter_rows())]
    n, bad, probability = (rows[name].cast(pl.Float64).to_numpy() for name in ("n", "bad", "probability"))
    buckets, ends = rows["bucket"], accumulate((length for _, length in runs), initial=0)
    return [
        Counted(str(app), str(rule_id), buckets.slice(a, b - a), n[a:b], bad[a:b], probability[a:b])
        for ((app, rule_id), _), (a, b) in zip(runs, pairwise(ends), strict=True)
    ]
