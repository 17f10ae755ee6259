"""The child processes that read for people: started when somebody asks, used again, with another snapshot once theirs is old, killed when late.

A snapshot is used again while the store has not changed, or while it is younger than four times what it took to copy (and four
seconds at most): the store is held still for at most a fifth of the time, however often somebody asks.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final, cast

import pyarrow as pa

from monitor.errors import BadSql, StoreError
from monitor.store.opening import Store
from monitor.store.user_sql.frames import REPLIES, Asked, Ready, Refused, Reply, Rows, packed, read_frame, until

AT_ONCE: Final = 2
"""Queries that run at the same time; others wait for their turn."""

STALEST_S: Final = 4.0
FOLD: Final = 16 << 20
"""A log larger than this is folded into the store before it is copied: a child would have to replay it in memory."""

DIED: Final = "the query needs more memory than one query may take and was stopped (narrow its time range)"
ERASED: Final = "data were erased while the query ran (ask again)"

_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TZ")
"""What a child is told of the agent's environment: secrets are in the rest."""

Signature = tuple[tuple[int, int], ...]


@dataclass
class Reader:
    """One child with its snapshot."""

    process: subprocess.Popen[bytes]
    speak: IO[bytes]
    hear: IO[bytes]
    folder: Path
    taken_at: datetime
    taken: float  # monotonic
    copying_s: float = 0.0
    signature: Signature = ()
    forgotten: bool = False
    begun: bool = False
    grown: bool = False

    def ask(self, asked: Asked, deadline: float) -> Rows | Refused:
        """Return what the child answers. Raises `TimeoutError`, `EOFError` when it died."""
        self.tell(asked)
        reply = self._reply(deadline)
        self.grown |= not isinstance(reply, Ready) and reply.grown
        return (
            Refused("the reader of the store answered out of turn (ask again)", True)
            if isinstance(reply, Ready)
            else reply
        )

    def reached(self, deadline: float) -> None:
        """Wait until the child has done its next step. Raises `StoreError` where it could not, `TimeoutError`, `EOFError`."""
        reply = self._reply(deadline)
        if isinstance(reply, Refused):
            raise StoreError(f"the store cannot be read: {reply.reason}")

    def _reply(self, deadline: float) -> Reply:
        return REPLIES.decode(read_frame(self.hear.fileno(), until(deadline)))

    def tell(self, value: Asked | Ready) -> None:
        """Send one frame. Raises `EOFError` when the child is gone."""
        try:
            self.speak.write(packed(value))
            self.speak.flush()
        except OSError:
            raise EOFError from None

    def fresh(self, signature: Signature) -> bool:
        """Whether the snapshot may be used for a store that looks like `signature` now."""
        age = time.monotonic() - self.taken
        return self.process.poll() is None and (signature == self.signature or age < min(STALEST_S, 4 * self.copying_s))

    def let_go(self, deadline: float) -> bool:
        """Have the child close its snapshot, so that it may take another; False where it has grown too much, or has ended."""
        self.signature = ()
        if self.grown:
            return False
        try:
            self.tell(Ready())
            self.reached(deadline)
        except EOFError:
            return False
        return True

    def end(self) -> None:
        """Kill the child and remove what it had put aside."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.speak, self.hear):
            with contextlib.suppress(OSError):
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Answered:
    """Rows, and when they were so."""

    table: pa.Table
    as_of: datetime


@dataclass
class Readers:
    """All children of one store. May be asked from any thread."""

    store: Store
    folder: Path
    _turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(AT_ONCE))
    _changing: threading.Lock = field(default_factory=threading.Lock)
    _idle: list[Reader] = field(default_factory=list)
    _busy: list[Reader] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    longest_copy_s: float = 0.0  # how long the store was held still at most

    def __post_init__(self) -> None:
        """Remove what children of an agent that was killed have left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, sql: str, *, max_rows: int, timeout_s: float, extra: Mapping[str, pa.Table]) -> Answered:
        """Return at most `max_rows` rows of `sql`; `extra` tables can be queried by name. Raises `BadSql`, one line."""
        deadline = time.monotonic() + timeout_s
        if not self._turns.acquire(timeout=timeout_s):
            raise BadSql(f"{AT_ONCE} other queries run already (try again when they have ended)")
        try:
            return self._answered(
                Asked(sql, max_rows, {name: _stream(table) for name, table in extra.items()}), deadline
            )
        except TimeoutError:
            reason = f"the query ran longer than {timeout_s:g} s and was stopped (narrow its time range)"
            raise BadSql(reason) from None
        except EOFError:
            raise BadSql(DIED) from None
        finally:
            self._turns.release()

    def forget(self) -> None:
        """End all children: what they hold is not to be read any more, since it has been erased."""
        with self._changing:
            for reader in self._busy:
                reader.forgotten = True
                reader.process.kill()
            for reader in self._idle:
                reader.end()
            self._idle.clear()

    def _answered(self, asked: Asked, deadline: float) -> Answered:
        reader, again = self._take(deadline) or self._start(), False
        try:
            if not reader.signature:
                self._copy(reader, deadline)
            reply = reader.ask(asked, deadline)
            again = not (isinstance(reply, Refused) and reply.spent)
        except EOFError:
            if reader.forgotten:
                raise BadSql(ERASED) from None
            raise
        finally:
            self._put(reader, again=again)
        if isinstance(reply, Refused):
            raise BadSql(reply.reason)
        return Answered(pa.ipc.open_stream(reply.stream).read_all(), reader.taken_at)

    def _take(self, deadline: float) -> Reader | None:
        """Return the reader that is idle, with a fresh snapshot or ready to take another; None when there is none, or it cannot."""
        with self._changing:
            if not self._idle:
                return None
            self._busy.append(reader := self._idle.pop())
        goes_on = reader.fresh(_signature(self.store))
        try:
            goes_on = goes_on or reader.let_go(deadline)
        finally:
            if not goes_on:
                self._put(reader, again=False)
        return reader if goes_on else None

    def _put(self, reader: Reader, *, again: bool) -> None:
        """Keep a reader for the next question; one is enough."""
        with self._changing:
            self._busy.remove(reader)
            if again and not self._idle and not reader.forgotten:
                self._idle.append(reader)
            else:
                reader.end()

    def _start(self) -> Reader:
        folder = self.folder / str(next(self._numbers))
        folder.mkdir(mode=0o700, parents=True)
        process = child_of(self.store.path, folder)
        speak, hear = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        reader = Reader(process, speak, hear, folder, self.store.clock.now(), time.monotonic())
        with self._changing:
            self._busy.append(reader)
        return reader

    def _copy(self, reader: Reader, deadline: float) -> None:
        """Hold the store still while the child copies it; the child opens its copy after that."""
        if not reader.begun:
            reader.reached(deadline)
            reader.begun = True
        if not self.store.writing.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise TimeoutError
        try:
            self._fold()
            reader.signature, reader.taken_at = _signature(self.store), self.store.clock.now()
            reader.taken = time.monotonic()
            reader.tell(Ready())
            reader.reached(deadline)
            reader.copying_s = time.monotonic() - reader.taken
            self.longest_copy_s = max(self.longest_copy_s, reader.copying_s)
        finally:
            self.store.writing.release()
        reader.reached(deadline)

    def _fold(self) -> None:
        log = Path(f"{self.store.path}.wal")
        if log.exists() and log.stat().st_size > FOLD:
            self.store.checkpoint()


def child_of(store: Path | None, folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that reads the store at `store` and keeps what it needs in `folder`."""
    command = [sys.executable, "-m", "monitor.store.user_sql.child", str(store), str(folder)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    )


def _signature(store: Store) -> Signature:
    """What changes with every write: sizes and times of the file and its log. Never opens them: that would drop their lock."""
    found = []
    for suffix in ("", ".wal"):
        with contextlib.suppress(OSError):
            stat = Path(f"{store.path}{suffix}").stat()
            found.append((stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with contextlib.closing(pa.ipc.new_stream(sink, table.schema)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _environment() -> dict[str, str]:
    """Arenas of malloc reserve address space that nobody uses; a child has little of it."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
