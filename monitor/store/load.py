"""From the spool into the store: one transaction per stretch of frames, exact about what was new and what was not.

A row is new when no row with its key lies in the store. Without an index that is a join, which stays cheap because it is
bounded by the times of the batch, given as constants (DuckDB's zone maps prune on nothing else), in pieces cut at wide
gaps, so that one stale span does not widen the search for all. Rows, ledger and spool position are committed together:
a kill at any moment loses nothing and doubles nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from monitor.config.schema import Price
from monitor.errors import StoreError
from monitor.model.rows import KEYS, LEDGER_TABLES, SUMMED, TABLES, Columns
from monitor.privacy.keyed import install_key
from monitor.spool import Frame, Stretch, ends, read_frames
from monitor.store.ledger import ERASED, TOO_OLD, damaged, ledger_rows, refusing
from monitor.store.opening import Store, Transaction
from monitor.store.prices import priced
from monitor.store.removal.age_limits import KEEP_ALL, Limits, within
from monitor.store.removal.erase import tombstones, want_late
from monitor.store.removal.erasure_scope import Tombstones, without
from monitor.store.removal.held import as_of_now
from monitor.store.strangers import count_strangers
from monitor.store.transaction import to_arrow
from monitor.store.unknown import count_unknown

_log = logging.getLogger("plumbline.store")

RESENT: Final = timedelta(days=2)
"""A row without a time of its own got the time of its receipt, so a resend differs in time: search this far back."""

HOUR: Final = timedelta(hours=1)
MAX_PIECES: Final = 8
"""Pieces of time that are searched one by one."""

BY_OTHER_ID: Final = {"response_id": "response:", "message_id": "message:", "session_id": "session:"}
"""What a score may name instead of its trace, best first, and the prefix of an arrival whose trace is not known yet."""

CAME: Final = ("stored", "duplicate", "late")
"""What is counted per family, for whoever wrote it and wants to know what became of it."""

STRETCH_BYTES: Final = 16 << 20

FEW: Final = 1_000


@dataclass(frozen=True)
class Loaded:
    """What one pump brought: rows stored, rows known already, things refused, unreadable pieces of the spool."""

    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    damaged: int = 0

    def __add__(self, other: Loaded) -> Loaded:
        return Loaded(
            self.stored + other.stored,
            self.duplicate + other.duplicate,
            self.refused + other.refused,
            self.damaged + other.damaged,
        )


def pump(
    store: Store,
    spool: Path,
    prices: Mapping[str, Price] | None = None,
    limits: Limits = KEEP_ALL,
    listed: Mapping[str, Price] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Loaded:
    """Load what every family of `spool` holds now from its position on, or until `stopping`.

    What comes meanwhile waits for the next call: where a little comes all the time, this would never end. `prices` fill costs that nobody sent,
    and `listed` those of models without one; what is older than `limits` is refused, or loses its texts.
    """
    total, reached = Loaded(), positions(store)
    for family, end in ends(spool).items():
        for stretch in _stretches(spool, family, reached.get(family, (0, 0)), end):
            total += load(store, family, stretch, prices or {}, limits, listed)
            if stopping():
                return total
    return total


def came(store: Store) -> dict[str, dict[str, int]]:
    """Return what became of the rows of each spool family, ever: stored, known already, and refused on loading."""
    counts = ", ".join(f"coalesce({name}, 0) AS {name}" for name in CAME)
    rows = store.read(f"SELECT family, {counts} FROM base.positions").to_pylist()
    return {row["family"]: {name: row[name] for name in CAME} for row in rows}


def positions(store: Store) -> dict[str, tuple[int, int]]:
    """Return per family up to which segment and byte the spool is loaded."""
    rows = store.read("SELECT family, segment, byte FROM base.positions").to_pylist()
    return {row["family"]: (row["segment"], row["byte"]) for row in rows}


def _stretches(spool: Path, family: str, at: tuple[int, int], end: tuple[int, int]) -> Iterator[Stretch]:
    while at < end:
        stretch = read_frames(spool, family, *at, STRETCH_BYTES)
        if (stretch.segment, stretch.byte) == at:
            return
        yield stretch
        at = (stretch.segment, stretch.byte)


def load(
    store: Store,
    family: str,
    stretch: Stretch,
    prices: Mapping[str, Price] | None = None,
    limits: Limits = KEEP_ALL,
    listed: Mapping[str, Price] | None = None,
) -> Loaded:
    """Load one stretch of one family in one transaction, its position included."""
    for piece in stretch.damage:
        _log.warning("spool %s-%08d: bytes %d to %d are unreadable", family, piece.segment, piece.start, piece.end)
    tables = damaged(_tables(stretch.frames), family, len(stretch.damage), store.clock.now())
    if "spans" in tables:
        tables["spans"] = priced(tables["spans"], prices or {}, listed or {})
    with store.transaction() as txn:
        sent = _counted(tables)
        tables = _young(txn, _unerased(txn, store, tables), limits)
        late = sent - _counted(tables)
        counts = {name: _insert_new(txn, name, rows) for name, rows in tables.items() if name not in SUMMED}
        ledger = ledger_rows(tables, {name: counts.get(name, pl.DataFrame()) for name in LEDGER_TABLES})
        txn.insert("ledger", ledger)
        txn.insert("arrivals", _arrivals(counts))
        count_unknown(txn, counts.get("spans"))
        count_strangers(txn, tables.get("strangers"))
        stored, duplicate, refused = (_sum(ledger, name) for name in ("stored", "duplicate", "refused"))
        _advance(txn, family, stretch, {"stored": stored, "duplicate": duplicate, "late": late})
    return Loaded(stored, duplicate, refused, len(stretch.damage))


def _counted(tables: Mapping[str, pl.DataFrame]) -> int:
    """How many rows the ledger counts."""
    return sum(tables[name].height for name in LEDGER_TABLES if name in tables)


def _advance(txn: Transaction, family: str, stretch: Stretch, counts: Mapping[str, int]) -> None:
    so_far = txn.read(f"SELECT {', '.join(CAME)} FROM base.positions WHERE family = ?", [family]).to_pylist()
    sums = {name: count + sum(row[name] or 0 for row in so_far) for name, count in counts.items()}
    txn.execute("DELETE FROM base.positions WHERE family = ?", [family])
    txn.insert("positions", [{"family": family, "segment": stretch.segment, "byte": stretch.byte, **sums}])


def _unerased(txn: Transaction, store: Store, tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Refuse what was erased before: a resend or a rebuild from the spool must not bring it back."""
    held = tombstones(txn)
    if not held or store.path is None:
        return tables
    stones = Tombstones(install_key(store.path.parent), held)
    kept, taken = without(tables, stones.lookup)
    if taken:
        want_late(txn, taken)
    return refusing(kept, taken, ERASED)


def _young(txn: Transaction, tables: dict[str, pl.DataFrame], limits: Limits) -> dict[str, pl.DataFrame]:
    """Refuse what is older than it would be kept: retention must not have to find it again, nor the ledger lose it."""
    kept, refused = within(tables, as_of_now(txn, tables, limits))
    return refusing(kept, refused, TOO_OLD)


def _sum(ledger: pl.DataFrame, name: str) -> int:
    return int(ledger[name].sum()) if ledger.height else 0


def _tables(frames: Sequence[Frame]) -> dict[str, pl.DataFrame]:
    """Concatenate the frames table by table; columns this version does not know are dropped, missing ones are NULL."""
    found: dict[str, list[pa.Table]] = {}
    for frame in frames:
        for name, data in frame.tables.items():
            if name in TABLES:
                found.setdefault(name, []).append(pa.ipc.open_stream(data).read_all())
    return {name: _joined(parts, TABLES[name]) for name, parts in found.items()}


def _joined(parts: Sequence[pa.Table], columns: Columns) -> pl.DataFrame:
    """One frame of tables as they were written; those of one writer look alike, and are brought to our types together."""
    alike = [pa.concat_tables(list(run)) for _, run in groupby(parts, key=attrgetter("schema"))]
    return pl.DataFrame(pa.concat_tables([to_arrow(run, columns) for run in alike], promote_options="default"))


def _insert_new(txn: Transaction, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Insert the rows of table `name` that are not there yet, and return them (keys, times and source only)."""
    keys = list(KEYS[name])
    candidates = rows.unique(keys, keep="first", maintain_order=True) if _repeats(rows, keys) else rows
    known = _known(txn, name, _only(candidates, {*keys, "time", "flags"}), keys)
    fresh = candidates.join(known, on=keys, how="anti", nulls_equal=True) if known.height else candidates
    txn.insert(name, fresh)
    wanted = {*keys, "time", "trace_id", "span_id", "parent_id", "received_at", "source", "response_id"}
    wanted |= {"session_id", "message_id", "dialect", "unknown_keys"}
    return _only(fresh, wanted)


def _repeats(rows: pl.DataFrame, keys: list[str]) -> bool:
    """Whether a key may stand twice in `rows`; few rows are looked at here, which costs less than asking polars."""
    return rows.height > FEW or len(set(rows[keys].iter_rows())) < rows.height


def _only(rows: pl.DataFrame, names: set[str]) -> pl.DataFrame:
    return rows[[column for column in rows.columns if column in names]]


def _known(txn: Transaction, name: str, rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The keys of `rows` that the store holds."""
    found = [_search(txn, name, part, keys, lo, hi) for part, lo, hi in _by_time(rows)]
    return pl.concat(found) if found else rows.select(keys).clear()


def _by_time(rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, datetime, datetime]]:
    """Split into parts with narrow bounds of time; rows without a time of their own make a part that reaches further."""
    if "flags" in rows.columns and rows["flags"].null_count() < rows.height:
        unsure = rows["flags"].fill_null("").str.contains("time_")
        late, rows = rows.filter(unsure), rows.filter(~unsure)
        if late.height:
            lo, hi = _bounds(late)
            yield late, lo - RESENT, hi + RESENT
    if rows.height:
        lo, hi = _bounds(rows)
        yield from [(rows, lo, hi)] if hi - lo < HOUR else _cut(rows)


def _cut(rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, datetime, datetime]]:
    """Split rows of many hours where nothing came for long."""
    sure = rows.sort("time")
    for first, end in pairwise([0, *_after_gaps(sure["time"]), sure.height]):
        piece = sure[first:end]
        yield piece, *_bounds(piece)


def _after_gaps(times: pl.Series) -> list[int]:
    """Where to cut sorted `times`: behind the widest gaps, and not oftener. The hours of months are too many to search."""
    gaps = times.to_frame("time").with_row_index("at").with_columns(gap=pl.col("time").diff())
    return gaps.filter(pl.col("gap") >= HOUR).top_k(MAX_PIECES - 1, by="gap")["at"].sort().to_list()


def _bounds(rows: pl.DataFrame) -> tuple[datetime, datetime]:
    lo, hi = rows["time"].min(), rows["time"].max()
    if not isinstance(lo, datetime) or not isinstance(hi, datetime):
        raise StoreError("a row without a time reached the loader")
    return lo, hi


def _search(
    txn: Transaction, name: str, part: pl.DataFrame, keys: list[str], lo: datetime, hi: datetime
) -> pl.DataFrame:
    names = ", ".join(keys)
    with txn.registered("wanted", part[keys].to_arrow()):
        return txn.frame(
            f"SELECT DISTINCT {names} FROM base.{name} SEMI JOIN wanted USING ({names}) "
            f"WHERE time >= TIMESTAMP '{lo}' AND time <= TIMESTAMP '{hi}'"
        )


def _arrivals(fresh: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Traces that have something new: finishing looks at these and at no others."""
    parts = []
    for name in ("spans", "events", "scores"):
        rows = fresh.get(name)
        if rows is not None and rows.height:
            root = pl.col("parent_id").is_null() if name == "spans" else pl.lit(value=False)
            trace = pl.col("trace_id")
            if name == "scores":  # a score may know only what it is about: finishing looks for its trace
                trace = pl.coalesce(trace, *(pl.lit(mark) + pl.col(other) for other, mark in BY_OTHER_ID.items()))
            parts.append(rows.select(trace.alias("trace_id"), "time", "received_at", has_root=root))
    if not parts:
        return pl.DataFrame()
    return (
        pl.concat(parts)
        .drop_nulls("trace_id")
        .group_by("trace_id")
        .agg(pl.col("time").min(), pl.col("received_at").max(), pl.col("has_root").any())
    )
