"""Write the store into a new file, so that nothing deleted is left in free blocks.

DuckDB reuses the blocks of deleted rows but does not clear them, and its VACUUM rewrites nothing. The new file takes the place of
the old one in one rename: a kill at any moment leaves one or the other, whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import duckdb

from monitor.errors import StoreError
from monitor.store.ddl import BASE, create_statements
from monitor.store.file import prepared
from monitor.store.migrations import seal
from monitor.store.opening import Store

UNREADABLE: Final = "*.unreadable-*"
"""Damaged stores that were set aside."""

DRAFTS: Final = ("plumbline.duckdb.new*", "plumbline.duckdb.rebuilt*")


def drop_drafts(root: Path) -> None:
    """Delete what a kill left of a store that was being written."""
    for pattern in DRAFTS:
        for path in root.glob(pattern):
            path.unlink(missing_ok=True)


def rebuild(store: Store) -> None:
    """Replace the file of `store` by one that holds its live rows only; readers and writers wait. Raises `StoreError`.

    Needs as much free disk as the store is large. The connection is a new one afterwards.
    """
    if store.path is None:
        return
    with store.writing, store.gate.closed():
        settings = store.connection.execute("SELECT current_setting('memory_limit'), current_setting('threads')")
        memory_limit, threads = settings.fetchone() or ("2GB", 2)
        store.connection.execute("CHECKPOINT")
        store.connection.close()
        try:
            _replace(store.path, str(memory_limit))
        except (duckdb.Error, OSError) as error:
            raise StoreError(f"{store.path}: cannot be rewritten: {' '.join(str(error).split())[:300]}") from error
        finally:
            store.connection = prepared(duckdb.connect(str(store.path)), str(memory_limit), int(threads))


def _replace(path: Path, memory_limit: str) -> None:
    draft = path.with_name(path.name + ".rebuilt")
    for leftover in (draft, draft.with_name(draft.name + ".wal")):
        leftover.unlink(missing_ok=True)
    for spilled in (path, draft):  # what a query that was killed had put aside
        shutil.rmtree(spilled.with_name(spilled.name + ".tmp"), ignore_errors=True)
    log = path.with_name(path.name + ".wal")
    if log.exists():
        raise StoreError(f"{log} did not fold into the store (restart the agent; what was begun goes on then)")
    _copy(path, draft, memory_limit)
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _copy(path: Path, draft: Path, memory_limit: str) -> None:
    with duckdb.connect(str(draft)) as copy:
        copy.execute(f"SET memory_limit = '{memory_limit}'")
        copy.execute("ATTACH '" + str(path).replace("'", "''") + "' AS old (READ_ONLY)")
        copy.execute("BEGIN")  # one, or every table waits for the disk
        for statement in create_statements():
            copy.execute(statement)
        copy.execute("CREATE TABLE base.schema_version AS FROM old.base.schema_version")
        seal(copy)
        for table, columns in BASE.items():
            names = ", ".join(columns)
            copy.execute(f"INSERT INTO base.{table} ({names}) SELECT {names} FROM old.base.{table}")
        copy.execute("COMMIT")
        copy.execute("DETACH old")
        copy.execute("CHECKPOINT")
    draft.chmod(0o600)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
