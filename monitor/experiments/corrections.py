"""What people found wrong in machines' verdicts, taken into the sums of arms: the difference estimator, user by user.

Each error counts 1 / p for the turns that its plan could have picked as well, p being the probability with which it picked this
one, so the sums of an arm are right on average whatever the machine gets wrong (Cassel, Sarndal and Wretman, Biometrika 1976).
What labels are worth shows in the spread between users, which the intervals of arms are made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

ENOUGH: Final = 50
"""Labels in each arm below which nothing is corrected: one error more or less would move an arm too far."""

KEYS: Final = ("experiment", "arm", "metric", "unit")


def correct(sums: pl.DataFrame, errors: pl.DataFrame) -> tuple[pl.DataFrame, Mapping[tuple[str, str], int]]:
    """Return the sums with what people found added, and how many labels correct which experiment and metric.

    `sums`: experiment, arm, metric, unit, n, total. `errors`: experiment, arm, metric, unit, error, probability; a row a label. A
    metric of an experiment is corrected once every arm has `ENOUGH` labels. Two errors that nobody saw are counted in each arm,
    one each way, so that a few labels that all agree are not taken for proof that machines never err.
    """
    enough = _enough(sums, errors)
    if enough.is_empty():
        return sums, {}
    told = errors.join(enough, on=("experiment", "metric"), how="semi")
    found = told.group_by(KEYS).agg(more=(pl.col("error") / pl.col("probability")).sum())
    found = pl.concat([found, _unseen(sums, told)]).group_by(KEYS).agg(pl.col("more").sum())
    corrected = sums.join(found, on=KEYS, how="left", maintain_order="left")
    whole = corrected.with_columns(total=pl.col("total") + pl.col("more").fill_null(0.0)).drop("more")
    return whole, {(experiment, metric): n for experiment, metric, n in enough.iter_rows()}


def _enough(sums: pl.DataFrame, errors: pl.DataFrame) -> pl.DataFrame:
    """Experiment, metric and number of labels where every arm has enough of them."""
    arms = sums.select("experiment", "metric", "arm").unique()
    counted = arms.join(
        errors.group_by("experiment", "metric", "arm").len(), on=["experiment", "metric", "arm"], how="left"
    )
    labels = pl.col("len").fill_null(0)
    by_metric = counted.group_by("experiment", "metric").agg(n=labels.sum(), least=labels.min())
    return by_metric.filter(pl.col("least") >= ENOUGH).select("experiment", "metric", "n").sort("experiment", "metric")


def _unseen(sums: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """An error of usual weight for the first user of each arm, and one the other way for the last."""
    arm = ["experiment", "arm", "metric"]
    weight = told.group_by(arm).agg(more=(1 / pl.col("probability")).mean())
    ends = sums.group_by(arm).agg(first=pl.col("unit").min(), last=pl.col("unit").max()).join(weight, on=arm)
    return pl.concat(
        [
            ends.select(*arm, unit="first", more="more"),
            ends.select(*arm, unit="last", more=-pl.col("more")),
        ]
    )
