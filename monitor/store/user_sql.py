"""SQL that a person wrote: exactly one SELECT, on a cursor of its own, with a time limit and a row limit.

The connection was locked down at start (`monitor.store.opening`), so even a statement that slipped through could read no file,
load no code and change no setting.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping

import duckdb
import pyarrow as pa

from monitor.errors import BadSql
from monitor.store.opening import Store

FORBIDDEN = ("duckdb_secrets", "duckdb_settings", "pragma_", "getenv", "current_setting")
"""Functions that tell about the process instead of the data."""


def run_user_sql(store: Store, sql: str, *, max_rows: int, timeout_s: float, extra: Mapping[str, pa.Table]) -> pa.Table:
    """Return at most `max_rows` rows of `sql`; `extra` tables can be queried by name. Raises `BadSql`, one line."""
    _check(sql)
    with store.cursor() as cursor, _time_limit(cursor, timeout_s):
        for name, table in extra.items():
            cursor.register(name, table)
        try:
            relation = cursor.sql(sql)
            if relation is None:
                raise BadSql("the statement gives no rows (write one SELECT)")
            rows: pa.Table = relation.limit(max_rows).to_arrow_table()
        except duckdb.InterruptException:
            raise BadSql(f"the query ran longer than {timeout_s:g} s and was stopped (narrow its time range)") from None
        except duckdb.Error as error:
            raise BadSql(_one_line(error)) from None
        finally:
            for name in extra:
                with contextlib.suppress(duckdb.Error):
                    cursor.unregister(name)
    return rows


def _check(sql: str) -> None:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise BadSql(_one_line(error)) from None
    if len(statements) != 1:
        raise BadSql(f"{len(statements)} statements given (write exactly one SELECT)")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise BadSql(f"{statements[0].type.name} is not allowed here (write one SELECT; the store is read-only)")
    lowered = sql.lower()
    told = next((name for name in FORBIDDEN if name in lowered), None)
    if told:
        raise BadSql(f"{told} is not allowed here (query the views; `plumbline sql --help` lists them)")


@contextlib.contextmanager
def _time_limit(cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
