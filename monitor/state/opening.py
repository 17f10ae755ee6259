"""Open the control state: one SQLite file, owned by the agent, synced at every commit.

Writers take the write lock when a transaction begins (`BEGIN IMMEDIATE`), so that two threads queue up instead of
failing half-way. A commit that returned survives `kill -9` and power loss (`synchronous=FULL`). Not for telemetry:
whatever grows with traffic belongs in `monitor.store`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Select, create_engine, event, select
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from monitor.clock import Clock, naive_utc
from monitor.errors import StoreError
from monitor.state import parts, unchanged
from monitor.state.migrations import upgrade
from monitor.state.tables import ALERTS, OUTBOX, SILENCES

T = TypeVar("T")
W = TypeVar("W")
Transaction = Connection
"""What the functions of `monitor.state.alerts` and `monitor.state.outbox` work in; other rooms never look inside."""

BUSY_TIMEOUT_MS: Final = 30_000


@dataclass(frozen=True)
class Kept:
    """The parts of a table as they were read last, with their numbers, and all of them as one."""

    numbers: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    whole: Any = None

    def with_part(self, part: str, number: int, made: Any) -> Kept:
        """Return these with one part anew."""
        return Kept({**self.numbers, part: number}, {**self.parts, part: made})


@dataclass(frozen=True)
class RawQuery:
    """A query as SQLite takes it: writing it out anew takes longer than a small answer."""

    text: str
    values: dict[str, Any]


@dataclass(frozen=True)
class ControlState:
    """The open control state. Safe to use from any thread; transactions run one after the other."""

    engine: Engine
    clock: Clock
    _turn: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _kept: dict[str, Kept] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: Path | None, clock: Clock) -> ControlState:
        """Open or create the file at `path`, readable by its owner only; None gives a scratch state in memory.

        Raises `StoreError` for a file that is damaged, locked for half a minute, or written by a newer Plumbline.
        """
        try:
            engine = _engine(path)
            with engine.begin() as connection:
                upgrade(connection, str(path))
        except (OSError, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error.strerror
            raise StoreError(f"{path}: the control state cannot be opened: {cause} (restore it from a copy)") from None
        return cls(engine, clock)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing: what the block writes is durable when it ends, and undone when it raises.

        Raises `StoreError` when another process holds the file for half a minute, or the disk is full.
        """
        try:
            with self._turn, self.engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise StoreError(
                f"{self.engine.url.database}: the control state does not take this: {error.orig}"
            ) from error

    def in_parts(self, name: str, made: Callable[[Transaction, str], T], whole: Callable[[list[T]], W]) -> W:
        """Return the `whole` of a table whose parts `monitor.state.parts` counts; only those are `made` that have changed."""
        with self.transaction() as txn:
            now = parts.numbers(txn, name)
            known = self._kept.setdefault(name, Kept())
            if known.numbers != now or known.whole is None:
                new = {part: made(txn, part) for part, n in now.items() if known.numbers.get(part) != n}
                there = {**known.parts, **new}
                self._kept[name] = known = Kept(now, there, whole([there[part] for part in sorted(now, key=_order)]))
            found: W = known.whole
            return found

    def read_ahead(self, name: str, made: Callable[[Transaction, str], object]) -> None:
        """Make the changed parts of a table before anybody asks, each in a transaction of its own: nobody waits for all of them."""
        with self.transaction() as txn:
            now, known = parts.numbers(txn, name), self._kept.get(name, Kept())
        for part in (part for part, n in now.items() if known.numbers.get(part) != n):
            with self.transaction() as txn:
                n = parts.number(txn, name, part)
                self._kept[name] = self._kept.get(name, Kept()).with_part(part, n, made(txn, part))

    def kept(self, name: str, table: str, day: int, made: Callable[[Transaction], T]) -> T:
        """Return what `made` makes of a `table` whose parts are counted: anew once any of them has changed, or the `day` has."""
        with self.transaction() as txn:
            now = {**parts.numbers(txn, table), "day": day}
            known = self._kept.get(name)
            if known is None or known.numbers != now:
                self._kept[name] = known = Kept(now, {}, made(txn))
            found: T = known.whole
            return found

    def compact(self) -> None:
        """Rewrite the file, so that nothing deleted is left in it or in its log. Raises `StoreError`."""
        try:
            with self._turn, self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                raw = connection.connection.driver_connection
                if isinstance(raw, sqlite3.Connection):
                    raw.commit()
                    raw.execute("VACUUM")
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sqlite3.Error, DBAPIError) as error:
            raise StoreError(f"{self.engine.url.database}: the control state cannot be compacted: {error}") from error

    def copy_to(self, target: Path) -> None:
        """Write the state as it is now to `target`, readable by its owner only. Raises `StoreError`."""
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with self._turn, self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                raw = connection.connection.driver_connection
                if isinstance(raw, sqlite3.Connection):
                    raw.commit()
                    with contextlib.closing(sqlite3.connect(target)) as copy:
                        raw.backup(copy)
        except (sqlite3.Error, DBAPIError) as error:
            raise StoreError(f"{target}: the control state cannot be copied: {error}") from error

    @staticmethod
    def check_copy(path: Path) -> None:
        """Read a copy through. Raises `StoreError` where it is damaged."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
                found = copy.execute("PRAGMA integrity_check").fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"{path}: the copy cannot be read: {error}") from None
        if found != ("ok",):
            raise StoreError(f"{path}: the copy is damaged: {found}")

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()

    def alerts_table(self) -> list[dict[str, Any]]:
        """Return every episode: fingerprint, rule_id, severity, state, started_at, ended_at, labels, reason."""
        names = ("fingerprint", "rule_id", "severity", "state", "started_at", "ended_at", "labels", "reason")
        query = select(*(ALERTS.c[name] for name in names)).order_by(ALERTS.c.started_at, ALERTS.c.fingerprint)
        return self._public(query)

    def notifications_table(self) -> list[dict[str, Any]]:
        """Return every message owed or sent: fingerprint, receiver, kind, state, attempts, sent_at, key."""
        names = ("fingerprint", "receiver", "kind", "state", "attempts", "sent_at", "key")
        return self._public(select(*(OUTBOX.c[name] for name in names)).order_by(OUTBOX.c.id))

    def silences_table(self) -> list[dict[str, Any]]:
        """Return every silence: fingerprint, person, reason, began_at, until, ended_at, ended_by."""
        names = ("fingerprint", "person", "reason", "began_at", "until", "ended_at", "ended_by")
        return self._public(select(*(SILENCES.c[name] for name in names)).order_by(SILENCES.c.id))

    def _public(self, query: Any) -> list[dict[str, Any]]:
        with self.transaction() as txn:
            return [{k: _plain(v) for k, v in row.items()} for row in txn.execute(query).mappings()]


def _order(part: str) -> tuple[int, str]:
    """Parts that are numbers lie in the order of those."""
    return int(part) if part.isdigit() else 0, part


def raw_query(query: Select[Any]) -> RawQuery:
    """Return `query` written out, once for all its answers."""
    compiled = query.compile(dialect=sqlite_dialect(paramstyle="named"))
    return RawQuery(str(compiled), dict(compiled.params))


def raw_columns(txn: Transaction, query: RawQuery, **values: object) -> list[Sequence[Any]]:
    """Return the columns of `query` as SQLite keeps them, times as text: for tables of many rows. Empty where there is no row."""
    raw = txn.connection.driver_connection
    rows = raw.execute(query.text, query.values | values).fetchall() if isinstance(raw, sqlite3.Connection) else []
    return list(zip(*rows, strict=True))


def _plain(value: Any) -> Any:
    return naive_utc(value) if hasattr(value, "tzinfo") else value


def _engine(path: Path | None) -> Engine:
    if path is None:
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "rollback", unchanged.forget)
    event.listen(engine, "rollback_savepoint", lambda txn, *_: unchanged.forget(txn))
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by the driver's guesses
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
