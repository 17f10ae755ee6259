"""Per-unit sums of metrics: what an experiment keeps of its turns, so that a readout does not cost more with the traffic."""

from __future__ import annotations

import polars as pl

from monitor.model import dimensions

KEYS = ("experiment", "arm", "metric", "unit")


def added(known: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of both."""
    both = pl.concat([known.select(more.columns), more])
    whole = {"n": pl.col("n").sum(), "total": pl.col("total").sum()}
    return both.group_by(KEYS).agg(**whole, first=pl.col("first").min(), last=pl.col("last").max())


def unit_sums(metrics: pl.DataFrame) -> pl.DataFrame:
    """Return per experiment, arm, metric and unit (user, else session, else turn) the count and sum of known values, and when they came."""
    columns = [name for name in metrics.columns if name not in {"unit_id", "time", *dimensions.NAMES}]
    in_arm = metrics.filter(pl.col("experiment").is_not_null() & pl.col("variant").is_not_null())
    return (
        in_arm.with_columns(unit=pl.coalesce("user_id", "session_id", "unit_id"), arm=pl.col("variant"))
        .unpivot(columns, index=["experiment", "arm", "unit", "time"], variable_name="metric", value_name="value")
        .drop_nulls("value")
        .group_by("experiment", "arm", "metric", "unit")
        .agg(
            n=pl.len().cast(pl.Int64),
            total=pl.col("value").cast(pl.Float64).sum(),
            first=pl.col("time").min(),
            last=pl.col("time").max(),
        )
    )
