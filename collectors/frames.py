"""From a batch of rows to what the spool keeps: redacted Arrow frames with their features, table by table.

The collector and the importers share this one path, so that nothing reaches the disk by another door.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import polars as pl

from collectors.batch import Batch
from collectors.features import counted, features
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

FEW: Final = 8
"""Content rows up to which features are counted one by one."""


def to_tables(batch: Batch, redactor: Redactor | None, field_bytes: int = FIELD_BYTES) -> dict[str, bytes]:
    """Return the Arrow IPC streams of the tables that have rows; None as `redactor` stores texts as they came.

    No text field is longer than `field_bytes`; it is cut before it is looked through, so that a huge one costs little.
    """
    frames = {
        name: to_frame(columns, TABLES[name]) if batch.rows[name] else _empty(name)
        for name, columns in batch.columns().items()
    }
    frames["content"], cut = capped(frames["content"], field_bytes)
    frames["spans"] = flagged(frames["spans"], cut)
    if redactor is not None:
        frames, lost = redactor.tables(frames)
        frames["spans"] = flagged(frames["spans"], lost, "redaction_failed")
    if frames["content"].height:
        frames["features"] = _featured(frames["content"])
    return {name: to_ipc(rows) for name, rows in frames.items() if rows.height}


def _featured(content: pl.DataFrame) -> pl.DataFrame:
    if content.height <= FEW:
        return pl.DataFrame(counted(content), schema={name: POLARS[kind] for name, kind in FEATURES.items()})
    return conform(features(content), FEATURES).collect()


@cache
def _empty(name: str) -> pl.DataFrame:
    """Of eight tables most groups fill two or three; the others are made once."""
    return pl.DataFrame(schema={column: POLARS[kind] for column, kind in TABLES[name].items()})


def to_frame(columns: Mapping[str, Sequence[Any]], schema: Columns) -> pl.DataFrame:
    """Return column lists as a frame of the canonical types; times come in as integer microseconds."""
    return pl.DataFrame([_series(name, columns[name], kind) for name, kind in schema.items()])


def _series(name: str, values: Sequence[Any], kind: str) -> pl.Series:
    if values.count(None) == len(values):
        return _unknown(kind, 1 << len(values).bit_length()).slice(0, len(values)).rename(name)
    if kind == "time":
        return pl.Series(name, values, dtype=pl.Int64, strict=False).cast(POLARS[kind])
    return pl.Series(name, values, dtype=POLARS[kind], strict=False)


@lru_cache(maxsize=128)
def _unknown(kind: str, length: int) -> pl.Series:
    """Half of all columns of a group hold nothing: they are slices of one."""
    return pl.Series([], dtype=POLARS[kind]).extend_constant(None, length)


def conform(rows: pl.LazyFrame, schema: Columns) -> pl.LazyFrame:
    """Return `rows` with exactly the columns and types of `schema`."""
    return rows.select(pl.col(name).cast(POLARS[kind], strict=False) for name, kind in schema.items())


def to_ipc(rows: pl.DataFrame) -> bytes:
    """Return `rows` as an Arrow IPC stream that every Arrow reads (no string views)."""
    sink = io.BytesIO()
    rows.write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    return sink.getvalue()
