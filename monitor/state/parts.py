"""Large tables in parts, each with a number that SQLite raises when any row of it changes: a read costs what is new.

Triggers do the counting, so that no way of writing a row can be forgotten. Labels lie in parts of about an hour, items in their
reviews; what is said of an item changes its review.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, select

from monitor.state.making import make_tables

PIECE_BITS: Final = 32
"""Labels whose numbers (microseconds) differ above these bits lie in different parts."""

OF_PARTS: Final = MetaData()

TABLE_PARTS: Final = Table(
    "table_parts",
    OF_PARTS,
    Column("name", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("n", Integer, nullable=False),  # how many rows were written, changed or removed
)

LABELS: Final = "labels"
ITEMS: Final = "review_items"

_RAISE: Final = """INSERT INTO table_parts SELECT '{name}', {part}, 1 WHERE {part} IS NOT NULL
    ON CONFLICT (name, part) DO UPDATE SET n = n + 1;"""
_BEGIN: Final = (
    "INSERT OR IGNORE INTO table_parts SELECT '{name}', {part}, 1 FROM {table} WHERE {part} IS NOT NULL GROUP BY 2"
)
_PARTS: Final = {
    "labels": ((LABELS, f"{{row}}.seq >> {PIECE_BITS}"), (ITEMS, "{row}.review_id")),
    "review_items": ((ITEMS, "{row}.review_id"),),
}
"""Table -> the parts that a row of it belongs to."""

_WRITES: Final = {"INSERT": ("NEW",), "DELETE": ("OLD",), "UPDATE": ("OLD", "NEW")}


def count_parts(connection: Connection) -> None:
    """Begin to count, in a file that may have rows already."""
    make_tables(connection, OF_PARTS)
    for table, parts in _PARTS.items():
        for write, rows in _WRITES.items():
            raised = [_RAISE.format(name=name, part=part.format(row=row)) for row in rows for name, part in parts]
            trigger = f"CREATE TRIGGER IF NOT EXISTS {table}_{write.lower()} AFTER {write} ON {table}"
            connection.exec_driver_sql(f"{trigger} BEGIN {' '.join(raised)} END")
        for name, part in parts:
            connection.exec_driver_sql(_BEGIN.format(name=name, part=part.format(row=table), table=table))


def numbers(txn: Connection, name: str) -> dict[str, int]:
    """Return part -> its number, of one table."""
    query = select(TABLE_PARTS.c.part, TABLE_PARTS.c.n).where(TABLE_PARTS.c.name == name)
    return {row.part: row.n for row in txn.execute(query)}


def number(txn: Connection, name: str, part: str) -> int:
    """Return the number of one part; 0 where it is not there."""
    query = select(TABLE_PARTS.c.n).where(TABLE_PARTS.c.name == name, TABLE_PARTS.c.part == part)
    return int(txn.execute(query).scalar() or 0)


def bounds(part: str) -> tuple[int, int]:
    """Return the first number of a part of the labels, and the first one after it.

    >>> bounds("3") == (3 << 32, 4 << 32)
    True
    """
    return int(part) << PIECE_BITS, (int(part) + 1) << PIECE_BITS
