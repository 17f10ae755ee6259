"""A copy of the store as it is at one moment, and what such a copy holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import duckdb

from monitor.errors import StoreError
from monitor.store.ddl import BASE
from monitor.store.opening import Store

COPY: Final = """
import os, shutil, sys
source, target = sys.argv[1:]
handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
with open(source, "rb") as given, os.fdopen(handle, "wb") as file:
    shutil.copyfileobj(given, file, 1 << 20)
    file.flush()
    os.fsync(handle)
"""


def copy_store(store: Store, target: Path) -> None:
    """Copy the file of `store` to `target` while nobody writes. Raises `StoreError`.

    A process of its own copies: closing a second handle on the file in the process that owns it would drop its lock.
    """
    if store.path is None:
        raise StoreError("a store in memory has no file to copy")
    with store.writing:
        store.checkpoint()
        for source in (store.path, store.path.with_name(f"{store.path.name}.wal")):
            if source.exists():
                _copy(source, target.with_name(source.name.replace(store.path.name, target.name)))


def _copy(source: Path, target: Path) -> None:
    command = [sys.executable, "-I", "-c", COPY, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoreError(f"{target}: cannot be written: {(done.stderr.splitlines() or ['no reason'])[-1][:200]}")


def rows_of_copy(path: Path) -> dict[str, int]:
    """Return how many rows the tables of a copy hold; reading them all is what shows that it can be read. Raises `StoreError`."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            there = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'base'").fetchall()
            names = sorted(name for (name,) in there if name in BASE)
            counted = [connection.execute(f"SELECT count(*) FROM base.{name}").fetchone() for name in names]
    except duckdb.Error as error:
        raise StoreError(f"{path}: the copy cannot be read: {str(error).splitlines()[0][:200]}") from None
    return {name: row[0] for name, row in zip(names, counted, strict=True) if row}
