"""One erasure from beginning to end: rows, spool, alerts, reports, logs, and the free blocks of both databases.

Every step can be repeated, and the store knows whether the last was reached: `finish_erasure` goes on after a kill. The ids to
look for lie in the store until all files were searched, and leave it before it is rewritten.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import polars as pl
import pyarrow as pa

from monitor.model.rows import KEYS, TABLES
from monitor.places import Places
from monitor.rewriting import Tables, rewrite_spool
from monitor.store.doomed import Lookup, Tombstones, either, listed, without
from monitor.store.erase import erase_late, erasing, finished, pending, searched, tombstones, unquoting
from monitor.store.opening import Store, to_arrow
from monitor.store.rebuild import rebuild

Scrub = Callable[[Callable[[str], str]], int]
ASIDE: Final = ("*.unreadable-*", "plumbline.duckdb.new*", "plumbline.duckdb.rebuilt*")


def finish_erasure(store: Store, places: Places, key: bytes, scrub: Scrub) -> bool:
    """Bring a begun erasure to its end; `scrub` rewrites the control state. Returns whether there was one."""
    if not pending(store):
        return False
    erase_late(store, key)
    ids = erasing(store)
    lookup = either(listed(ids), Tombstones(key, tombstones(store)).lookup)
    rewrite_spool(places.spool, lambda tables: smaller(tables, lookup))
    scrub(unquoting(ids))
    for log in places.logs.glob("*") if places.logs.is_dir() else ():
        blank(log, ids)
    for folder in ("reports", "exports", "imports"):
        shutil.rmtree(places.root / folder, ignore_errors=True)
    for pattern in ASIDE:
        for path in places.root.glob(pattern):
            path.unlink(missing_ok=True)
    searched(store)
    rebuild(store)
    finished(store)
    store.checkpoint()
    return True


def smaller(tables: Tables, lookup: Lookup) -> Tables | None:
    """Return the tables of a spool frame without the rows that `lookup` finds; None when there are none."""
    rows = {
        name: pl.DataFrame(to_arrow(pa.ipc.open_stream(data).read_all(), TABLES[name]))
        for name, data in tables.items()
        if name in KEYS
    }
    full = {n: r.with_columns(pl.lit(None, pl.String).alias(c) for c in _absent(n, r)) for n, r in rows.items()}
    kept, taken = without(full, lookup)
    if not taken:
        return None
    room = sum(len(data) for data in tables.values())
    plain = {n: _stream(kept[n], None) if n in taken else data for n, data in tables.items()}
    if sum(len(data) for data in plain.values()) + 3 < room or not any(r.height for r in kept.values()):
        return {n: d for n, d in plain.items() if n not in taken or kept[n].height}
    return {n: _stream(kept[n], "zstd") if n in taken else data for n, data in tables.items()}


def _absent(name: str, rows: pl.DataFrame) -> list[str]:
    return [column for column in TABLES[name] if column not in rows.columns]


def _stream(rows: pl.DataFrame, compression: Literal["zstd"] | None) -> bytes:
    table, sink = rows.to_arrow(compat_level=pl.CompatLevel.oldest()), io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def blank(path: Path, ids: Mapping[str, frozenset[str]]) -> None:
    """Overwrite ids in a log where they stand; whoever appends to it is not disturbed."""
    wanted = sorted({value for values in ids.values() for value in values if len(value) >= 4}, key=len, reverse=True)
    if not wanted or not path.is_file():
        return
    found = re.compile(b"|".join(re.escape(value.encode()) for value in wanted))
    with path.open("r+b") as file:
        for match in found.finditer(file.read()):
            os.pwrite(file.fileno(), b"x" * len(match[0]), match.start())
        os.fsync(file.fileno())
