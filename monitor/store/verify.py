"""A store that looks whole may hide damage in blocks nobody reads: read every block, and check what must be true."""

from __future__ import annotations

from monitor.errors import StoreError
from monitor.model.rows import KEYS
from monitor.store.ddl import BASE
from monitor.store.opening import Store


def problems(store: Store) -> list[str]:
    """Return what is wrong with the store, one line a problem; empty when nothing is. Reads everything: minutes on a big store."""
    return [*_unreadable(store), *_doubled(store), *_ledger(store)]


def _unreadable(store: Store) -> list[str]:
    found = []
    for name, columns in BASE.items():
        try:
            store.read(f"SELECT {', '.join(f'max({column})' for column in columns)} FROM base.{name}")
        except StoreError as error:
            found.append(f"table {name} cannot be read to its end: {error}")
    return found


def _doubled(store: Store) -> list[str]:
    keys = KEYS | {"turns": ("trace_id",)}
    doubled = {
        name: store.read(f"SELECT count(*) - count(DISTINCT ({', '.join(parts)})) AS n FROM base.{name}")["n"][
            0
        ].as_py()
        for name, parts in keys.items()
    }
    return [f"table {name} holds {n} rows twice" for name, n in doubled.items() if n]


def _ledger(store: Store) -> list[str]:
    rows = store.read(
        """SELECT source, sum(received - stored - duplicate - refused) AS open FROM base.ledger
           GROUP BY source HAVING open <> 0"""
    ).to_pylist()
    return [f"ledger of {row['source']}: {row['open']} rows are neither stored, duplicate nor refused" for row in rows]
