"""From a batch of rows to what the spool keeps: redacted Arrow frames with their features, table by table.

The collector and the importers share this one path, so that nothing reaches the disk by another door.
"""

from __future__ import annotations

import io
from typing import Any, Final

import polars as pl

from collectors.batch import Batch
from collectors.features import features
from collectors.redaction.caps import capped, flagged
from collectors.redaction.redact import Redactor
from monitor.model.rows import FEATURES, TABLES, Columns

POLARS: Final[dict[str, Any]] = {
    "str": pl.String,
    "text": pl.String,
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "time": pl.Datetime("us"),
}


FIELD_BYTES: Final = 256_000


def to_tables(batch: Batch, redactor: Redactor | None, field_bytes: int = FIELD_BYTES) -> dict[str, bytes]:
    """Return the Arrow IPC streams of the tables that have rows; None as `redactor` stores texts as they came.

    No text field is longer than `field_bytes`; it is cut before it is looked through, so that a huge one costs little.
    """
    frames = {name: to_frame(columns, TABLES[name]) for name, columns in batch.columns().items()}
    frames["content"], cut = capped(frames["content"], field_bytes)
    frames["spans"] = flagged(frames["spans"], cut)
    if redactor is not None:
        frames, lost = redactor.tables(frames)
        frames["spans"] = flagged(frames["spans"], lost, "redaction_failed")
    frames["features"] = conform(features(frames["content"]), FEATURES)
    return {name: to_ipc(rows) for name, rows in frames.items() if rows.height}


def to_frame(columns: dict[str, list[Any]], schema: Columns) -> pl.DataFrame:
    """Return column lists as a frame of the canonical types; times come in as integer microseconds."""
    series = [
        pl.Series(name, columns[name], dtype=pl.Int64 if kind == "time" else POLARS[kind], strict=False)
        for name, kind in schema.items()
    ]
    return conform(pl.DataFrame(series), schema)


def conform(rows: pl.DataFrame, schema: Columns) -> pl.DataFrame:
    """Return `rows` with exactly the columns and types of `schema`."""
    return rows.select(pl.col(name).cast(POLARS[kind], strict=False) for name, kind in schema.items())


def to_ipc(rows: pl.DataFrame) -> bytes:
    """Return `rows` as an Arrow IPC stream that every Arrow reads (no string views)."""
    sink = io.BytesIO()
    rows.write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    return sink.getvalue()
