"""Open the telemetry store: one DuckDB file, one owner, locked down after start.

Reads go through a cursor each and may run in any thread; writes queue up behind one lock. DuckDB itself refuses a second
process, but only with its own words and only once the file exists: `agent.lock` says who owns the data directory.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from monitor.clock import Clock
from monitor.store.file import open_or_rebuild, prepared, take
from monitor.store.readers_gate import ReadersGate
from monitor.store.transaction import Params, Transaction, as_polars, fetch, fetch_rows, store_errors

__all__ = ["Store", "Transaction"]


@dataclass
class Store:
    """The open store."""

    connection: duckdb.DuckDBPyConnection
    clock: Clock
    path: Path | None
    lock: int | None
    writing: threading.RLock = field(default_factory=threading.RLock)
    gate: ReadersGate = field(default_factory=ReadersGate)
    writes: Counter[str] = field(default_factory=Counter)  # transactions by the tables that they may have written to

    @classmethod
    def open(
        cls, data_dir: Path, *, memory_limit: str = "2GB", threads: int = 2, clock: Clock, repair: bool = False
    ) -> Store:
        """Open or create the store of `data_dir`.

        Raises `StoreInUse` when another process owns it, `StoreError` when it cannot be written or is newer than this
        code. A file that cannot be read is a `StoreError` too; with `repair` it is moved aside and rebuilt from the
        spool. Nothing is deleted.
        """
        lock = take(data_dir)
        path = data_dir / "plumbline.duckdb"
        try:
            connection = open_or_rebuild(path, memory_limit, threads, clock, repair=repair)
        except BaseException:
            os.close(lock)
            raise
        return cls(connection, clock, path, lock)

    @classmethod
    def scratch(cls, clock: Clock, *, memory_limit: str = "2GB", threads: int = 2) -> Store:
        """Return an empty store in memory, gone when it is closed."""
        return cls(prepared(duckdb.connect(), memory_limit, threads), clock, None, None)

    def read(self, sql: str, params: Params = None) -> pa.Table:
        """Return the rows of a query; a cursor of its own, so any thread may ask. Raises `StoreError`."""
        with store_errors(), self.cursor() as cursor:
            return fetch(cursor, sql, params)

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of its own for a read; the file is not replaced while it is open. Never write inside."""
        with self.gate.reading(), self.connection.cursor() as cursor:
            yield cursor

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Return the rows of a query as polars."""
        return as_polars(self.read(sql, params))

    def rows(self, sql: str, params: Params = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query as they are: of a few plain values, at half of what a frame of them costs."""
        with store_errors(), self.cursor() as cursor:
            return fetch_rows(cursor, sql, params)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing: what the block writes is durable when it ends and undone when it raises."""
        with self.writing, store_errors():
            self.connection.execute("BEGIN")
            txn = Transaction(self.connection)
            try:
                yield txn
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")
            self.writes.update(txn.named)

    def state(self, tables: Sequence[str]) -> object:
        """Return what differs once anything was written to one of `tables`.

        Ask for it before reading: what is read then may be newer, and is told as changed all the same.
        """
        return (self.connection, *(self.writes[table] for table in tables))

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file; may take seconds, so never on the ack path."""
        with self.writing, store_errors():
            self.connection.execute("CHECKPOINT")

    def close(self) -> None:
        """Checkpoint, close and let go of the data directory."""
        with self.writing:
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("CHECKPOINT")
            self.connection.close()
            if self.lock is not None:
                os.close(self.lock)
                self.lock = None
