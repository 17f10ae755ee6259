"""Add up what was not understood, by day, source, scope and name: what a source that sends and is not heard is told by."""

from __future__ import annotations

from typing import Final

import polars as pl

from monitor.store.opening import Transaction

MAX_NAMES: Final = 100
"""Names of one source a day; the rest is counted under its scope alone."""

BY: Final = ["time", "source", "scope", "signal", "name"]


def count_strangers(txn: Transaction, came: pl.DataFrame | None) -> None:
    """Add the rows of `came` to those of their day."""
    if came is None or came.is_empty():
        return
    found = came.with_columns(pl.col("time").dt.truncate("1d"))
    days = found["time"].unique().to_list()
    columns = ", ".join(came.columns)
    known = txn.frame(f"SELECT {columns} FROM base.strangers WHERE list_contains(?, time)", [days])
    total = _summed(_within(pl.concat([known, _summed(found)], how="vertical_relaxed")))
    txn.execute("DELETE FROM base.strangers WHERE list_contains(?, time)", [days])
    txn.insert("strangers", total)


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """The keys of the first row of a name that has any stand for all of it."""
    return rows.group_by(BY, maintain_order=True).agg(pl.col("n").sum(), pl.col("keys").drop_nulls().first())


def _within(rows: pl.DataFrame) -> pl.DataFrame:
    place = pl.int_range(pl.len()).over("time", "source")
    return rows.with_columns(name=pl.when(place < MAX_NAMES).then("name").otherwise(pl.lit("")))
