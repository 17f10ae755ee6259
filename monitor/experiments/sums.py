"""Per-unit sums of metrics: what an experiment keeps of its turns, so that a readout does not cost more with the traffic."""

from __future__ import annotations

import polars as pl

from monitor.model import dimensions

KEYS = ("app", "experiment", "arm", "metric", "unit")
PAST = ("past_n", "past_total")
"""What a unit did before it came, in the same metric; NULL is not looked up yet."""


def added(known: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Return the sums of both. What was looked up of a unit's past stays."""
    both = pl.concat([known.select(more.columns), more])
    whole = {"n": pl.col("n").sum(), "total": pl.col("total").sum()}
    past = {name: pl.col(name).drop_nulls().first() for name in PAST}
    return both.group_by(KEYS).agg(**whole, first=pl.col("first").min(), last=pl.col("last").max(), **past)


def unit_sums(metrics: pl.DataFrame) -> pl.DataFrame:
    """Return per app, experiment, arm, metric and unit (user, else session, else turn) the count and sum of known values, and when they came.

    An experiment is one of an app: that another app has one of the same name says nothing.
    """
    columns = [name for name in metrics.columns if name not in {"unit_id", "time", *dimensions.NAMES}]
    in_arm = metrics.filter(pl.col("experiment").is_not_null() & pl.col("variant").is_not_null())
    return (
        in_arm.with_columns(unit=pl.coalesce("user_id", "session_id", "unit_id"), arm=pl.col("variant"))
        .with_columns(pl.col("app").fill_null(""))
        .unpivot(
            columns, index=["app", "experiment", "arm", "unit", "time"], variable_name="metric", value_name="value"
        )
        .drop_nulls("value")
        .group_by(KEYS)
        .agg(
            n=pl.len().cast(pl.Int64),
            total=pl.col("value").cast(pl.Float64).sum(),
            first=pl.col("time").min(),
            last=pl.col("time").max(),
            past_n=pl.lit(None, pl.Int64),
            past_total=pl.lit(None, pl.Float64),
        )
    )


def reopened(sums: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """Return the sums, with the past of units open again of whom turns came that are older than the first in the experiment."""
    came = metrics.drop_nulls("user_id").group_by(app=pl.col("app").fill_null(""), unit="user_id")
    joined = sums.join(came.agg(earliest=pl.col("time").min()), on=["app", "unit"], how="left", maintain_order="left")
    first = pl.col("first").min().over("app", "experiment", "unit")
    late = (pl.col("earliest") < first).fill_null(value=False)
    return joined.with_columns(pl.when(~late).then(pl.col(*PAST))).select(sums.columns)


def without_past(sums: pl.DataFrame) -> pl.DataFrame:
    """Return app, experiment, unit and `since` (when it first came) of the units whose past is not looked up in some metric."""
    came = sums.group_by("app", "experiment", "unit").agg(
        since=pl.col("first").min(), open=pl.col("past_n").is_null().any()
    )
    return came.filter(pl.col("open") & pl.col("since").is_not_null()).drop("open")


def with_past(sums: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return the sums with what was found of before (app, experiment, unit, metric, past_n, past_total); what was not found is nothing."""
    named = found.rename({name: f"found_{name}" for name in PAST})
    joined = sums.join(named, on=["app", "experiment", "unit", "metric"], how="left", maintain_order="left")
    filled = (pl.coalesce(name, f"found_{name}", pl.lit(0)).cast(sums.schema[name]).alias(name) for name in PAST)
    return joined.with_columns(*filled).select(sums.columns)
