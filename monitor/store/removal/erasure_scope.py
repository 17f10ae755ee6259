"""Which rows an erasure reaches, decided in one place for files, for what comes late, and (in SQL) for the store.

A row goes when it names an erased trace, user or session; a score without a trace also by the answer or message it judges. Ids
that the application makes up (messages) say nothing across traces, so they count for such scores only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from monitor.model.rows import KEYS, TABLES

NAMED: Final = {"trace_id": "trace", "user_id": "user", "session_id": "session"}
JUDGED: Final = {"response_id": "response", "message_id": "message"}
BOUNDED: Final = ("user", "session")
"""Kinds that may go on after an erasure: only what happened before it is refused."""

Lookup = Callable[[str, pl.DataFrame, str], pl.Series]
"""(kind, rows, column) -> for each row, whether what the column names is erased."""


def doomed(table: str, rows: pl.DataFrame, lookup: Lookup) -> pl.Series:
    """Return for each row of `table` whether it goes."""
    columns = TABLES[table]
    goes = pl.Series([False] * rows.height, dtype=pl.Boolean)
    for column, kind in NAMED.items():
        if column in columns:
            goes |= lookup(kind, rows, column)
    if "app" in columns:
        goes |= lookup("app", rows, "app")
    if table in {"scores", "exposures"}:
        goes |= lookup("app", rows, "source")
    if table == "scores":
        for column, kind in JUDGED.items():
            goes |= rows["trace_id"].is_null() & lookup(kind, rows, column)
    return goes


def listed(ids: Mapping[str, frozenset[str]]) -> Lookup:
    """Return the lookup in plain ids."""

    def lookup(kind: str, rows: pl.DataFrame, column: str) -> pl.Series:
        wanted = ids.get(kind)
        if not wanted:
            return pl.Series([False] * rows.height, dtype=pl.Boolean)
        return rows[column].is_in(list(wanted)).fill_null(value=False)

    return lookup


@dataclass(frozen=True)
class Tombstones:
    """Keyed hashes of erased ids, and until when they hold (None: for ever)."""

    key: bytes
    held: Mapping[tuple[str, str], datetime | None]

    def lookup(self, kind: str, rows: pl.DataFrame, column: str) -> pl.Series:
        """For each row whether `column` names something erased, at a time the erasure covers."""
        values = rows[column].unique().drop_nulls().to_list() if self.held and kind != "app" else []
        until = {
            value: self.held[kind, told]
            for value in values
            if (kind, told := buried(self.key, kind, value)) in self.held
        }
        if not until:
            return pl.Series([False] * rows.height, dtype=pl.Boolean)
        pairs = zip(rows[column], rows["time"], strict=True)
        return pl.Series(
            [value in until and ((limit := until[value]) is None or at <= limit) for value, at in pairs],
            dtype=pl.Boolean,
        )


def buried(key: bytes, kind: str, value: str) -> str:
    """Return what is kept of an erased id."""
    told = f"erased\x00{kind}\x00{value}".encode("utf-8", "surrogatepass")
    return hmac.new(key, told, hashlib.sha256).hexdigest()


def without(
    tables: Mapping[str, pl.DataFrame], lookup: Lookup
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Return the tables without the rows that go, and the rows that went; a span that goes takes its trace along."""
    taken = {name: rows.filter(doomed(name, rows, lookup)) for name, rows in tables.items() if name in KEYS}
    traces = frozenset(
        trace for rows in taken.values() if "trace_id" in rows.columns for trace in rows["trace_id"].drop_nulls()
    )
    if traces:
        both = either(lookup, listed({"trace": traces}))
        taken = {name: rows.filter(doomed(name, rows, both)) for name, rows in tables.items() if name in KEYS}
        lookup = both
    kept = {n: rows.filter(~doomed(n, rows, lookup)) if n in KEYS else rows for n, rows in tables.items()}
    return kept, {name: rows for name, rows in taken.items() if rows.height}


def either(first: Lookup, second: Lookup) -> Lookup:
    """Return the lookup that finds what one of two finds."""
    return lambda kind, rows, column: first(kind, rows, column) | second(kind, rows, column)
