"""The tables that SQL reads beside the store: each has its columns at once, and its rows when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class PublicTable:
    """The columns of one table, and how it is made."""

    schema: pa.Schema
    made: Callable[[], pa.Table]


def of_rows(schema: pa.Schema, rows: Callable[[], list[dict[str, Any]]]) -> PublicTable:
    """Return the table of `rows`, each a mapping by column."""
    return PublicTable(schema, lambda: pa.Table.from_pylist(rows(), schema=schema))


def column_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    """Return one column as SQLite keeps it: times are text there, and truth is a number."""
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


@dataclass(frozen=True)
class PublicTables(Mapping[str, pa.Table]):
    """Tables by name. Most reads look at none of them, and some grow for years."""

    tables: Mapping[str, PublicTable]

    def __getitem__(self, name: str) -> pa.Table:
        return self.tables[name].made()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def __or__(self, more: PublicTables) -> PublicTables:
        return PublicTables({**self.tables, **more.tables})

    def read_by(self, query: str) -> dict[str, pa.Table]:
        """Return all of them for one query: whole where it may read a table, the columns alone where it cannot.

        It may read what it names, and anything where it makes names up as it runs.
        """
        said = query.lower()
        return {
            name: table.made() if name in said or "query" in said else table.schema.empty_table()
            for name, table in self.tables.items()
        }
