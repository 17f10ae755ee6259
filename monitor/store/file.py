"""The file of the store: who owns it, how it is made, what becomes of one that cannot be read."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

import duckdb

from monitor.clock import Clock
from monitor.errors import StoreError, StoreInUse
from monitor.store.migrations import upgrade

_log = logging.getLogger("plumbline.store")

LOCKDOWN: Final = (
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)
"""After this no SQL, ours or a user's, reads files, loads code or changes settings; registered Arrow still works."""


def take(data_dir: Path) -> int:
    """Hold `agent.lock`; the lock goes with the process, so one left by a kill is taken over."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if data_dir.stat().st_mode & 0o077:
            data_dir.chmod(0o700)  # made by hand, or by a version that left it open
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


def open_or_rebuild(
    path: Path, memory_limit: str, threads: int, clock: Clock, *, repair: bool
) -> duckdb.DuckDBPyConnection:
    """Return the connection to the store at `path`; with `repair` a file that cannot be read is moved aside, never deleted."""
    try:
        return prepared(connect(path), memory_limit, threads)
    except duckdb.Error as error:
        shut = isinstance(error, duckdb.IOException) and not os.access(path, os.R_OK | os.W_OK)
        if shut or isinstance(error, duckdb.PermissionException):
            raise StoreError(f"{path}: cannot be opened: {_first_line(error)}") from None
        if not repair:
            hint = "start the agent: it moves the file aside and fills a new one from the spool"
            raise StoreError(f"{path}: is damaged: {_first_line(error)} ({hint})") from None
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
    return prepared(connect(path), memory_limit, threads)


def connect(path: Path) -> duckdb.DuckDBPyConnection:
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
    upgrade(connection)
    for statement in LOCKDOWN:
        connection.execute(statement)
    return connection


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]
