"""Stores of any size with the traffic of the generated house: made once as Arrow, kept, and opened in a second ever after.

A block of turns is generated row by row; it is multiplied in SQL, each copy with ids and users of its own and a moment
later than the one before, and written in the order of time, as traffic comes. Both sides of a comparison read the same files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import feather

from monitor.clock import FakeClock
from monitor.store.ddl import BASE
from monitor.store.opening import Store
from tests.support.generated_store import DAYS, NOW, GeneratedStore, generated_store

KEPT: Final = Path(tempfile.gettempdir()) / "plumbline-benchmarks"
BLOCK: Final = 12_500
"""Turns that are generated; larger stores are copies of them."""

HEX: Final = "lpad(lower(to_hex(('0x' || right({0}, 15))::BIGINT * $copies + k)), 32, '0')"
SPAN: Final = "lpad(lower(to_hex(('0x' || left({0}, 14))::BIGINT * $copies + k)), 14, '0') || right({0}, 2)"
NAMED: Final = "regexp_extract({0}, '^[a-z]+-') || (regexp_extract({0}, '[0-9]+$')::BIGINT * $copies + k)"
WRITTEN: Final = {
    **dict.fromkeys(("trace_id", "unit_id"), HEX),
    **dict.fromkeys(("span_id", "parent_id", "input_span_id", "output_span_id"), SPAN),
    **dict.fromkeys(("user_id", "session_id"), NAMED),
    "seq": "({0} - 1) * $copies + k + 1",
    "key": "{0} || '-' || k",
}
"""How a copy writes the columns that must differ."""

PER_TURN: Final = ("turns", "spans", "content", "features", "scores", "samples", "grades")


def kept_store(folder: Path, n_turns: int, days: float = DAYS) -> GeneratedStore:
    """Return a store of `n_turns` over the last `days` in `folder`, filled from the kept files."""
    store = Store.open(folder, clock=FakeClock(NOW.replace(tzinfo=UTC)))
    for name, rows in tables(n_turns, days):
        with store.transaction() as txn:
            txn.insert(name, rows)
    store.checkpoint()
    return GeneratedStore(store, NOW)


def tables(n_turns: int, days: float = DAYS) -> Iterator[tuple[str, pa.Table]]:
    """Yield name and rows of every table, made first where they are not kept yet."""
    kept = KEPT / f"{n_turns}-turns-{days:g}-days"
    if not kept.exists():
        draft = kept.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, rows in _made(n_turns, days):
            feather.write_feather(rows, str(draft / f"{name}.arrow"), compression="zstd")
        draft.rename(kept)
    for path in sorted(kept.glob("*.arrow")):
        yield path.stem, feather.read_table(str(path))


def _made(n_turns: int, days: float) -> Iterator[tuple[str, pa.Table]]:
    copies = max(1, n_turns // BLOCK)
    block = generated_store(min(n_turns, BLOCK), sentences=30)
    for name in BASE:
        rows = block.store.read(f"SELECT * FROM base.{name}")
        if name in PER_TURN:
            rows = _multiplied(block, name, copies, days)
        if rows.num_rows:
            yield name, rows


def _multiplied(block: GeneratedStore, name: str, copies: int, days: float) -> pa.Table:
    shift = timedelta(days=DAYS) / (BLOCK * copies)
    columns = [
        f"{WRITTEN[column].format(column)} AS {column}" if column in WRITTEN else _moved(column, kind)
        for column, kind in BASE[name].items()
    ]
    return block.store.read(
        f"SELECT {', '.join(columns)} FROM base.{name}, range($copies) AS copies(k) ORDER BY time",
        {"copies": copies, "now": NOW, "shift_us": shift // timedelta(microseconds=1), "share": days / DAYS},
    )


def _moved(column: str, kind: str) -> str:
    """Times of a copy are a little later; fewer days bring them nearer to now."""
    if kind != "time":
        return column
    return f"$now - to_microseconds(((epoch_us($now - {column}) - k * $shift_us) * $share)::BIGINT) AS {column}"
