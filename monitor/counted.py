"""How many answers each app gave under each rule, by bucket of time: what limits, starts and budgets are read from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from itertools import accumulate, groupby, pairwise

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]


class Counted(msgspec.Struct, frozen=True, dict=True):
    """The answers of one app under one rule, an entry a bucket, in the order of time: how many there were, and the bad ones.

    `probability` is how probable it was that they were looked at, NaN where nobody knows.
    """

    app: str
    rule_id: str
    buckets: Times
    n: Floats
    bad: Floats
    probability: Floats

    @property
    def stream(self) -> tuple[str, str]:
        """App and rule."""
        return self.app, self.rule_id

    @cached_property
    def spotless(self) -> bool:
        """Whether no answer was bad: then there is no limit to hold against, and no rise to date."""
        return not self.bad.any()

    @cached_property
    def sums(self) -> tuple[float, float]:
        """How many answers there were, and the bad ones."""
        return float(self.n.sum()), 0.0 if self.spotless else float(self.bad.sum())

    def bucket(self, at: int) -> datetime:
        """Return when a bucket begins, naive UTC."""
        begins: datetime = self.buckets[at].item()
        return begins

    def within(self, bounds: Times) -> Counted:
        """Return the entries of the buckets from the first of two `bounds` up to, not with, the second."""
        low, high = self.buckets.searchsorted(bounds).tolist()
        here = slice(low, max(low, high))
        return Counted(self.app, self.rule_id, self.buckets[here], self.n[here], self.bad[here], self.probability[here])


def counted(counts: pl.DataFrame) -> list[Counted]:
    """Return `counts` (app, rule_id, bucket, probability or NULL, n, bad; in the order of time) by app and rule.

    >>> [one] = counted(pl.DataFrame({"app": "shop", "rule_id": "R-1", "bucket": [datetime(2026, 3, 1)], "probability": 0.5, "n": 4.0, "bad": 1.0}))
    >>> one.app, one.rule_id, float(one.bad.sum() / one.n.sum()), one.spotless
    ('shop', 'R-1', 0.25, False)
    """
    rows = counts.sort("app", "rule_id", maintain_order=True)
    runs = [(key, len([*same])) for key, same in groupby(rows[["app", "rule_id"]].iter_rows())]
    n, bad, probability = (rows[name].cast(pl.Float64).to_numpy() for name in ("n", "bad", "probability"))
    buckets, ends = rows["bucket"].to_numpy(), accumulate((length for _, length in runs), initial=0)
    return [
        Counted(str(app), str(rule_id), buckets[a:b], n[a:b], bad[a:b], probability[a:b])
        for ((app, rule_id), _), (a, b) in zip(runs, pairwise(ends), strict=True)
    ]


def joined(parts: Sequence[Counted]) -> Counted:
    """Return the answers of one app under one rule of which these are `parts`, in the order of time."""
    if len(parts) == 1:
        return parts[0]
    columns = zip(*((part.buckets, part.n, part.bad, part.probability) for part in parts), strict=True)
    return Counted(parts[0].app, parts[0].rule_id, *(np.concatenate(column) for column in columns))
