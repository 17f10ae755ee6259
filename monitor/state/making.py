"""Tables and indexes of the control state that are not there yet, each made by a statement that was written out once.

SQLAlchemy's `create_all` writes every statement out anew and asks the file for every table; that is most of what opening costs.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.schema import CreateIndex, CreateTable


def make_tables(connection: Connection, *described: MetaData) -> None:
    """Make what is `described` and is not there, within the transaction of `connection`; what is there stays as it is."""
    there = {name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for tables in described:
        for table in tables.sorted_tables:
            for statement in _statements(table) if table.name not in there else ():
                connection.exec_driver_sql(statement)


@cache
def _statements(table: Table) -> tuple[str, ...]:
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    made: list[CreateTable | CreateIndex] = [CreateTable(table), *(CreateIndex(index) for index in indexes)]
    return tuple(str(statement.compile(dialect=dialect())) for statement in made)
