"""A frame of the spool with less in it: what erasure and retention write back in its place."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Literal

import polars as pl
import pyarrow as pa

from monitor.model.rows import KEYS, TABLES
from monitor.spool_frames import Tables
from monitor.store.transaction import to_arrow

Rows = dict[str, pl.DataFrame]
Reduce = Callable[[Mapping[str, pl.DataFrame]], tuple[Rows, Rows]]
"""The tables of a frame -> the same tables as they shall be, and those (by name) that are not as they were."""


def reduced(tables: Tables, reduce: Reduce) -> Tables | None:
    """Return the tables of a frame as `reduce` leaves them, in no more bytes than before; None when nothing changes."""
    rows = {
        name: pl.DataFrame(to_arrow(pa.ipc.open_stream(data).read_all(), TABLES[name]))
        for name, data in tables.items()
        if name in KEYS
    }
    full = {n: r.with_columns(pl.lit(None, pl.String).alias(c) for c in _absent(n, r)) for n, r in rows.items()}
    kept, touched = reduce(full)
    if not touched:
        return None
    room = sum(len(data) for data in tables.values())
    plain = {n: _stream(kept[n], None) if n in touched else data for n, data in tables.items()}
    if sum(len(data) for data in plain.values()) + 3 < room or not any(r.height for r in kept.values()):
        return {n: d for n, d in plain.items() if n not in touched or kept[n].height}
    return {n: _stream(kept[n], "zstd") if n in touched else data for n, data in tables.items()}


def _absent(name: str, rows: pl.DataFrame) -> list[str]:
    return [column for column in TABLES[name] if column not in rows.columns]


def _stream(rows: pl.DataFrame, compression: Literal["zstd"] | None) -> bytes:
    table, sink = rows.to_arrow(compat_level=pl.CompatLevel.oldest()), io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()
