"""One atomic change of the store, and how rows go into SQL and come out of it."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from typing import Any, Final

import duckdb
import polars as pl
import pyarrow as pa

from monitor.clock import naive_utc
from monitor.errors import StoreError
from monitor.model.rows import Columns
from monitor.store.ddl import BASE

Params = Sequence[Any] | Mapping[str, Any] | None
Rows = Sequence[Any] | pa.Table | pl.DataFrame

ARROW_TYPES: Final[dict[str, pa.DataType]] = {
    "str": pa.string(),
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us"),
}


KEPT: Final = 500
"""Statements that are kept as they were parsed."""

LONGEST: Final = 20_000
"""Letters of a statement that may be kept."""

_TABLE: Final = re.compile(r"""\bbase\.["']?(\w+)""", re.IGNORECASE)

_PARSED: Final[dict[str, duckdb.Statement]] = {}
_PARSING: Final = threading.Lock()


@dataclass
class Transaction:
    """One atomic change; sees its own writes. Only valid inside `Store.transaction`."""

    connection: duckdb.DuckDBPyConnection
    named: set[str] = field(default_factory=set)  # tables in the statements it ran: no other was written to

    def execute(self, sql: str, params: Params = None) -> None:
        """Run one statement. Raises `StoreError`."""
        self.named.update(map(str.lower, _TABLE.findall(sql)))
        with store_errors():
            self.connection.execute(parsed(self.connection, sql), _naive(params))

    def state(self, tables: Sequence[str]) -> object:  # noqa: ARG002 as `Store.state` has it
        """Return what is equal to nothing: inside a transaction anything may change with the next statement."""
        return object()

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
        with store_errors():
            return fetch(self.connection, sql, params)

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Return the rows of a query as polars."""
        return as_polars(self.read(sql, params))

    def rows(self, sql: str, params: Params = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query as they are: of a few plain values, at half of what a frame of them costs."""
        with store_errors():
            return fetch_rows(self.connection, sql, params)

    @contextlib.contextmanager
    def registered(self, name: str, data: pa.Table) -> Iterator[None]:
        """Let SQL see `data` as the view `name` for a while."""
        self.connection.register(name, data)
        try:
            yield
        finally:
            self.connection.unregister(name)


def to_arrow(rows: Rows, columns: Columns) -> pa.Table:
    """Return `rows` as an Arrow table with the types of `columns`; times lose their zone, which is UTC."""
    if isinstance(rows, pl.DataFrame):
        rows = rows.to_arrow()
    if isinstance(rows, pa.Table):
        return pa.table({name: _typed(rows[name], columns[name]) for name in rows.column_names if name in columns})
    records = [vars(row) if is_dataclass(row) else dict(row) for row in rows]
    plain = [{name: _plain(record.get(name)) for name in columns} for record in records]
    return pa.Table.from_pylist(plain, pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()]))


def _typed(column: pa.ChunkedArray[Any], kind: str) -> pa.ChunkedArray[Any]:
    wanted = ARROW_TYPES[kind]
    return column if column.type == wanted else column.cast(wanted)


def _plain(value: Any) -> Any:
    return naive_utc(value) if isinstance(value, datetime) else value


def _naive(params: Params) -> Any:
    if isinstance(params, Mapping):
        return {name: _plain(value) for name, value in params.items()}
    return None if params is None else [_plain(value) for value in params]


def parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement | str:
    """Return a statement as it was parsed before: a pass of the cycle asks the same hundred, and parsing is a third of a small one.

    Several statements in one text stay text, and a very long one does. What was not asked for longest goes first: many have times in them and
    are never asked again.
    """
    if len(sql) > LONGEST:
        return sql
    with _PARSING:
        known = _PARSED.pop(sql, None)
        if known is None:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                return sql
            known = statements[0]
            if len(_PARSED) >= KEPT:
                del _PARSED[next(iter(_PARSED))]
        _PARSED[sql] = known
    return known


def fetch(connection: duckdb.DuckDBPyConnection, sql: str, params: Params) -> pa.Table:
    """Return the rows of a query. Raises `StoreError` for a statement that gives none."""
    relation = connection.sql(parsed(connection, sql), params=_naive(params))
    table: pa.Table | None = None if relation is None else relation.to_arrow_table()
    if table is None:
        raise StoreError("the statement gives no rows")
    return table


def fetch_rows(connection: duckdb.DuckDBPyConnection, sql: str, params: Params) -> list[tuple[Any, ...]]:
    """Return the rows of a query as tuples."""
    return connection.execute(parsed(connection, sql), _naive(params)).fetchall()


def as_polars(table: pa.Table) -> pl.DataFrame:
    """Return an Arrow table as polars."""
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Turn what DuckDB raises into a `StoreError` of one line."""
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(" ".join(str(error).split())[:500]) from error
