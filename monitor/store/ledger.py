"""What became of everything that was received: stored, duplicate or refused, counted once each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.model.rows import LEDGER_TABLES

_TOLD: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "time": pl.Datetime("us"),
    "source": pl.String,
    "received": pl.Int64,
    "reason": pl.String,
}
TOO_OLD: Final = "too old"
ERASED: Final = "erased"
"""Reasons of refusals that are made on loading, by settings and people of this house."""

DAMAGED: Final = "damaged in the spool"
"""A piece of the spool that cannot be read counts as one thing received and refused: what it held is not known."""

SUMS: Final = ("received", "stored", "duplicate", "refused")
"""What is counted of every source; the first is the sum of the others."""


def refusing(kept: dict[str, pl.DataFrame], taken: Mapping[str, pl.DataFrame], reason: str) -> dict[str, pl.DataFrame]:
    """Return the tables that are `kept`, with a refusal for `reason` of each row that was `taken` and that the ledger counts."""
    told = [
        rows.select(time="received_at", source="source", received=pl.lit(1, pl.Int64), reason=pl.lit(reason))
        for name, rows in taken.items()
        if name in LEDGER_TABLES
    ]
    if told:
        kept["refusals"] = pl.concat([*told, *([kept["refusals"]] if "refusals" in kept else [])])
    return {name: rows for name, rows in kept.items() if rows.height}


def damaged(kept: dict[str, pl.DataFrame], family: str, pieces: int, now: datetime) -> dict[str, pl.DataFrame]:
    """Return the tables with a refusal for so many unreadable pieces of a family of the spool."""
    if pieces:
        told = [{"time": naive_utc(now), "source": f"spool {family}", "received": pieces, "reason": DAMAGED}]
        rows = pl.DataFrame(told, schema=pl.Schema(_TOLD))
        kept["refusals"] = pl.concat([rows, *([kept["refusals"].select(list(_TOLD))] if "refusals" in kept else [])])
    return kept


def ledger_rows(tables: dict[str, pl.DataFrame], fresh: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What was received, by day of receipt and source: each row is stored, duplicate or refused, and counted once."""
    by = ["day", "source"]
    day = pl.col("received_at").dt.truncate("1d").alias("day")
    parts = []
    for name in LEDGER_TABLES:
        if name in tables:
            came = tables[name].group_by(day, "source").agg(received=pl.len())
            kept = fresh[name].group_by(day, "source").agg(stored=pl.len())
            parts.append(came.join(kept, on=by, how="left", nulls_equal=True))
    rows = [
        pl.concat(parts).group_by(by).sum().with_columns(refused=0, reason=pl.lit(None, pl.String)) if parts else None,
        _refused(tables.get("refusals")),
    ]
    present = [row for row in rows if row is not None]
    if not present:
        return pl.DataFrame()
    whole = pl.concat(present, how="diagonal_relaxed").with_columns(pl.col("stored").fill_null(0))
    return whole.with_columns(
        pl.col("received", "stored", "refused").cast(pl.Int64),
        duplicate=(pl.col("received").cast(pl.Int64) - pl.col("stored") - pl.col("refused")),
    )


def _refused(refusals: pl.DataFrame | None) -> pl.DataFrame | None:
    if refusals is None or not refusals.height:
        return None
    grouped = refusals.group_by(pl.col("time").dt.truncate("1d").alias("day"), "source", "reason")
    return grouped.agg(received=pl.col("received").sum(), stored=pl.lit(0), refused=pl.col("received").sum())
