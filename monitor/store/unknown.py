"""Count the attribute keys that look like GenAI and that no rule understood: per day, source and dialect."""

from __future__ import annotations

from typing import Final

import polars as pl

from monitor.store.opening import Transaction

MAX_KEYS: Final = 300
"""Keys of one source a day; they are chosen by whoever sends, so the rest is counted together."""

BEYOND: Final = "(more)"
BY: Final = ["day", "source", "dialect", "key"]


def count_unknown(txn: Transaction, spans: pl.DataFrame | None) -> None:
    """Add the unknown keys of `spans`, which must be new to the store: a repeated delivery is not counted again."""
    told = None if spans is None else spans.filter(pl.col("unknown_keys").is_not_null())
    if told is None or told.is_empty():
        return
    day = pl.col("received_at").dt.truncate("1d").alias("day")
    keys = told.select(day, "source", "dialect", key=pl.col("unknown_keys").str.split("\n")).explode("key")
    found = keys.group_by(BY).agg(n=pl.len().cast(pl.Int64))
    days = [day for day in found["day"].unique() if day is not None]
    known = txn.frame("SELECT day, source, dialect, key, n FROM base.unknown_keys WHERE list_contains(?, day)", [days])
    total = _together(pl.concat([_within(found, known), known], how="vertical_relaxed"))
    txn.execute("DELETE FROM base.unknown_keys WHERE list_contains(?, day)", [days])
    txn.insert("unknown_keys", total)


def _within(found: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return `found` with what goes beyond the room of its day and source under one name."""
    fresh = found.join(known, on=BY, how="anti", nulls_equal=True)
    taken = known.group_by("day", "source").agg(taken=pl.len().cast(pl.Int64))
    ranked = (
        fresh.sort("n", "key", descending=[True, False])
        .join(taken, on=["day", "source"], how="left", nulls_equal=True)
        .with_columns(place=pl.int_range(pl.len()).over("day", "source") + pl.col("taken").fill_null(0))
    )
    beyond = pl.col("place") >= MAX_KEYS
    capped = ranked.with_columns(key=pl.when(beyond).then(pl.lit(BEYOND)).otherwise("key"))
    seen = found.join(known, on=BY, how="semi", nulls_equal=True)
    return pl.concat([seen, capped.select(*BY, "n")])


def _together(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by(BY).agg(pl.col("n").sum()).sort(BY)
