"""Open the telemetry store: one DuckDB file, one owner, locked down after start.

Reads go through a cursor each and may run in any thread; writes queue up behind one lock. DuckDB itself refuses a second
process, but only with its own words and only once the file exists: `agent.lock` says who owns the data directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
import pyarrow as pa

from monitor.clock import Clock, naive_utc
from monitor.errors import StoreError, StoreInUse
from monitor.model.rows import Columns
from monitor.store.ddl import BASE, SQL_TYPES, VERSION, create_statements
from monitor.store.gate import Gate

_log = logging.getLogger("plumbline.store")

Params = Sequence[Any] | Mapping[str, Any] | None
Rows = Sequence[Any] | pa.Table | pl.DataFrame

LOCKDOWN: Final = (
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)
"""After this no SQL, ours or a user's, reads files, loads code or changes settings; registered Arrow still works."""

ARROW_TYPES: Final[dict[str, pa.DataType]] = {
    "str": pa.string(),
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us"),
}


@dataclass
class Transaction:
    """One atomic change; sees its own writes. Only valid inside `Store.transaction`."""

    connection: duckdb.DuckDBPyConnection

    def execute(self, sql: str, params: Params = None) -> None:
        """Run one statement. Raises `StoreError`."""
        with _store_errors():
            self.connection.execute(sql, _naive(params))

    def insert(self, table: str, rows: Rows) -> int:
        """Append rows (dataclasses, mappings, an Arrow table or a polars frame) to base.`table`; missing columns are NULL."""
        data = to_arrow(rows, BASE[table])
        if data.num_rows:
            with self.registered("incoming", data):
                names = ", ".join(data.column_names)
                self.execute(f"INSERT INTO base.{table} ({names}) SELECT {names} FROM incoming")
        return int(data.num_rows)

    def read(self, sql: str, params: Params = None) -> pa.Table:
        """Return the rows of a query."""
        with _store_errors():
            return _fetch(self.connection, sql, params)

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Return the rows of a query as polars."""
        return _as_polars(self.read(sql, params))

    @contextlib.contextmanager
    def registered(self, name: str, data: pa.Table) -> Iterator[None]:
        """Let SQL see `data` as the view `name` for a while."""
        self.connection.register(name, data)
        try:
            yield
        finally:
            self.connection.unregister(name)


@dataclass
class Store:
    """The open store."""

    connection: duckdb.DuckDBPyConnection
    clock: Clock
    path: Path | None
    lock: int | None
    writing: threading.RLock = field(default_factory=threading.RLock)
    gate: Gate = field(default_factory=Gate)

    @classmethod
    def open(cls, data_dir: Path, *, memory_limit: str = "2GB", threads: int = 2, clock: Clock) -> Store:
        """Open or create the store of `data_dir`.

        Raises `StoreInUse` when another process owns it, `StoreError` when it cannot be written or is newer than this
        code. A file that cannot be read is moved aside and rebuilt from the spool; nothing is deleted.
        """
        lock = _take(data_dir)
        path = data_dir / "plumbline.duckdb"
        try:
            connection = _open_or_rebuild(path, memory_limit, threads, clock)
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
        with _store_errors(), self.cursor() as cursor:
            return _fetch(cursor, sql, params)

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of its own for a read; the file is not replaced while it is open. Never write inside."""
        with self.gate.reading(), self.connection.cursor() as cursor:
            yield cursor

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Return the rows of a query as polars."""
        return _as_polars(self.read(sql, params))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing: what the block writes is durable when it ends and undone when it raises."""
        with self.writing, _store_errors():
            self.connection.execute("BEGIN")
            try:
                yield Transaction(self.connection)
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file; may take seconds, so never on the ack path."""
        with self.writing, _store_errors():
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


def to_arrow(rows: Rows, columns: Columns) -> pa.Table:
    """Return `rows` as an Arrow table with the types of `columns`; times lose their zone, which is UTC."""
    if isinstance(rows, pl.DataFrame):
        rows = rows.to_arrow()
    if isinstance(rows, pa.Table):
        names = [name for name in rows.column_names if name in columns]
        return rows.select(names).cast(pa.schema([(name, ARROW_TYPES[columns[name]]) for name in names]))
    records = [vars(row) if is_dataclass(row) else dict(row) for row in rows]
    plain = [{name: _plain(record.get(name)) for name in columns} for record in records]
    return pa.Table.from_pylist(plain, pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()]))


def _plain(value: Any) -> Any:
    return naive_utc(value) if isinstance(value, datetime) else value


def _naive(params: Params) -> Any:
    if isinstance(params, Mapping):
        return {name: _plain(value) for name, value in params.items()}
    return None if params is None else [_plain(value) for value in params]


def _fetch(connection: duckdb.DuckDBPyConnection, sql: str, params: Params) -> pa.Table:
    relation = connection.sql(sql, params=_naive(params))
    table: pa.Table | None = None if relation is None else relation.to_arrow_table()
    if table is None:
        raise StoreError("the statement gives no rows")
    return table


def _as_polars(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(" ".join(str(error).split())[:500]) from error


def _take(data_dir: Path) -> int:
    """Hold `agent.lock`; the lock goes with the process, so one left by a kill is taken over."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{data_dir}: {error.strerror} (the agent must be able to write there)") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise StoreInUse(f"{data_dir} is in use by process {holder} (stop it, or give another --data-dir)") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _open_or_rebuild(path: Path, memory_limit: str, threads: int, clock: Clock) -> duckdb.DuckDBPyConnection:
    try:
        return prepared(_connect(path), memory_limit, threads)
    except (duckdb.IOException, duckdb.PermissionException) as error:
        if isinstance(error, duckdb.PermissionException) or not os.access(path, os.R_OK | os.W_OK):
            raise StoreError(f"{path}: cannot be opened: {_first_line(error)}") from None
        return _rebuilt(path, memory_limit, threads, clock, error)
    except duckdb.Error as error:
        return _rebuilt(path, memory_limit, threads, clock, error)


def _rebuilt(
    path: Path, memory_limit: str, threads: int, clock: Clock, error: duckdb.Error
) -> duckdb.DuckDBPyConnection:
    """Move what cannot be read aside, together with its log, and begin again; the loader replays what the spool holds."""
    stamp = clock.now().strftime("%Y%m%dT%H%M%S")
    for old in (path, path.with_name(path.name + ".wal")):
        if old.exists():
            old.rename(old.with_name(f"{old.name}.unreadable-{stamp}"))
    _log.warning(
        "%s could not be read (%s); moved aside with the suffix .unreadable-%s and rebuilt from the spool",
        path,
        _first_line(error),
        stamp,
    )
    return prepared(_connect(path), memory_limit, threads)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the file; a new one is made under another name first, because a crash while creating leaves it unreadable."""
    if not path.exists():
        draft = path.with_name(path.name + ".new")
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            leftover.unlink(missing_ok=True)
        duckdb.connect(str(draft)).close()
        draft.chmod(0o600)
        draft.rename(path)
    return duckdb.connect(str(path))


def prepared(connection: duckdb.DuckDBPyConnection, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """Return the connection with settings, tables and views in place, locked down."""
    for name, value in (("memory_limit", memory_limit), ("threads", threads), ("checkpoint_threshold", "256MB")):
        connection.execute(f"SET {name} = '{value}'")
    connection.execute("SET TimeZone = 'UTC'")
    _refuse_newer(connection)
    _grow(connection)
    for statement in create_statements():
        connection.execute(statement)
    for statement in LOCKDOWN:
        connection.execute(statement)
    return connection


def _grow(connection: duckdb.DuckDBPyConnection) -> None:
    """Give the tables of an older store the columns that came since; they are unknown (NULL) in its rows."""
    found = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'base'"
    ).fetchall()
    present: dict[str, set[str]] = {}
    for table, column in found:
        present.setdefault(table, set()).add(column)
    for table, columns in BASE.items():
        for column in columns.keys() - present.get(table, columns.keys()):
            kind = SQL_TYPES[columns[column]].split()[0]
            connection.execute(f"ALTER TABLE base.{table} ADD COLUMN {column} {kind}")


def _refuse_newer(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS base")
    connection.execute("CREATE TABLE IF NOT EXISTS base.schema_version (version INTEGER)")
    found = connection.execute("SELECT max(version) FROM base.schema_version").fetchone()
    version = found[0] if found else None
    if version is None:
        connection.execute("INSERT INTO base.schema_version VALUES (?)", [VERSION])
    elif version > VERSION:
        connection.close()
        raise StoreError(
            f"the store was written by a newer Plumbline (format {version}, this one knows {VERSION}); update"
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]
