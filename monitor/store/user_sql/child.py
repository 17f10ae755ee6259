"""The process that reads for people: takes a snapshot of the store, answers SELECTs over it, and ends when nobody asks.

`python -m monitor.store.user_sql.child STORE FOLDER` copies when a frame tells it that the store is still, says so, opens the copy
read-only and removes its name, so that nothing of it is left behind however the process ends. When the store has changed it is told
to let go of its copy and to take another, which is a tenth of the work of starting anew. It may take `GROWTH` beyond
what it had before, its snapshot included, and no more: what needs more ends this process, never the agent.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import resource
import shutil
import sys
import threading
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa

from monitor.errors import BadSql
from monitor.store.file import LOCKDOWN
from monitor.store.user_sql.frames import FRAMES, Asked, Ready, Refused, Rows, packed, read_frame
from monitor.store.user_sql.tree import check, one_line

GROWTH: Final = 240 << 20
"""Bytes beyond what is resident before the first snapshot is opened; a log that has to be replayed leaves a query less of them."""

UNBOUND: Final = resource.getrlimit(resource.RLIMIT_AS)
KEPT: Final = 64 << 20
"""A process that has taken more than this of them takes no other snapshot, but ends with the one it has."""

BUFFERS: Final = "160MB"
SPILL: Final = "1GB"
IDLE_S: Final = 60.0
"""A process that nobody asks ends after this, and its snapshot with it."""

LARGEST: Final = 16 << 20
MOST_VALUES: Final = 2_000_000
"""What an answer may hold; more becomes far more as values of Python."""

TOO_LARGE: Final = (
    f"the answer is larger than {LARGEST >> 20} MB or {MOST_VALUES:,} values (ask for fewer rows or columns)"
)
TOO_MUCH_MEMORY: Final = (
    "the query needs more memory than one query may take (narrow its time range, or take fewer columns)"
)


def main(store: Path, folder: Path) -> None:
    """Answer frames on stdin until it closes or nobody asks for a while; another snapshot is taken whenever the agent says so."""
    frames: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(frames,), daemon=True).start()
    before, numbers = _resident(), itertools.count()
    again = True
    while again:
        _say(Ready())
        frames.get()
        try:
            copy = _copied(store, folder / f"snapshot{next(numbers)}.duckdb")
            _say(Ready())
            connection = _opened(copy, folder, before)
        except (OSError, duckdb.Error) as error:
            _say(Refused(one_line(error)))
            return
        _say(Ready())
        again = _answering(connection, frames, before)


def _answering(connection: duckdb.DuckDBPyConnection, frames: queue.Queue[bytes], before: int) -> bool:
    """Answer what is asked of one snapshot and close it; whether another one is wanted."""
    try:
        while isinstance(frame := FRAMES.decode(frames.get(timeout=IDLE_S)), Asked):
            reply = _answer(connection, frame)
            _say(msgspec.structs.replace(reply, grown=_resident() - before > KEPT))
    except queue.Empty:
        return False
    connection.close()
    resource.setrlimit(resource.RLIMIT_AS, UNBOUND)
    return True


def _listen(frames: queue.Queue[bytes]) -> None:
    """Take frames in; when the agent is gone, so is this process, whatever it is doing."""
    try:
        while True:
            frames.put(read_frame(sys.stdin.fileno()))
    except (EOFError, OSError):
        os._exit(0)


def _say(reply: Rows | Refused | Ready) -> None:
    sys.stdout.buffer.write(packed(reply))
    sys.stdout.buffer.flush()


def _copied(store: Path, copy: Path) -> Path:
    """Copy the store and its log; the agent keeps both as they are meanwhile."""
    for suffix in ("", ".wal"):
        source, target = Path(f"{store}{suffix}"), Path(f"{copy}{suffix}")
        if source.exists():
            shutil.copyfile(source, target)
            target.chmod(0o600)
    return copy


def _opened(copy: Path, folder: Path, before: int) -> duckdb.DuckDBPyConnection:
    # A thread reserves 8 MB for its stack; of one that ends once the bound is set, a query would take them beyond it.
    connection = duckdb.connect(str(copy), read_only=True, config={"threads": 2, "async_threads": 2})
    for name, value in (
        ("memory_limit", BUFFERS),
        ("temp_directory", folder / "spill"),
        ("max_temp_directory_size", SPILL),
        ("TimeZone", "UTC"),
    ):
        connection.execute(f"SET {name} = '{value}'")
    connection.execute("SELECT count(*) FROM base.spans")
    for left in (copy, Path(f"{copy}.wal")):
        left.unlink(missing_ok=True)
    for statement in LOCKDOWN:
        connection.execute(statement)
    check(connection, "SELECT 1")  # loads what checking needs, before memory is limited
    _limit_memory(GROWTH - (_resident() - before))
    return connection


def _resident() -> int:
    return _pages(1) * resource.getpagesize()


def _pages(field: int) -> int:
    """Return a field of this process's memory: 0 is its address space, 1 what is resident."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[field])


def _limit_memory(left: int) -> None:
    most = _pages(0) * resource.getpagesize() + left
    resource.setrlimit(resource.RLIMIT_AS, (most, UNBOUND[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(connection: duckdb.DuckDBPyConnection, asked: Asked) -> Rows | Refused:
    try:
        with connection.cursor() as cursor:
            check(cursor, asked.sql, asked.extra)
            for name, stream in asked.extra.items():
                cursor.register(name, pa.ipc.open_stream(stream).read_all())
            return _rows(cursor, asked)
    except BadSql as error:
        return Refused(str(error))
    except (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError, RecursionError):
        return Refused(TOO_MUCH_MEMORY, spent=True)
    except duckdb.Error as error:
        spent = "bad_alloc" in str(error)
        return Refused(TOO_MUCH_MEMORY if spent else one_line(error), spent)


def _rows(cursor: duckdb.DuckDBPyConnection, asked: Asked) -> Rows | Refused:
    relation = cursor.sql(asked.sql)
    if relation is None:
        return Refused("the statement gives no rows (write one SELECT)")
    reader = relation.limit(asked.max_rows).to_arrow_reader(2048)
    sink, values = pa.BufferOutputStream(), 0
    with contextlib.closing(pa.ipc.new_stream(sink, reader.schema)) as writer:
        for batch in reader:
            values += sum(_values(column) for column in batch.columns)
            if values > MOST_VALUES or sink.tell() + batch.nbytes > LARGEST:
                return Refused(TOO_LARGE)
            writer.write_batch(batch)
    return Rows(sink.getvalue().to_pybytes())


def _values(column: pa.Array[Any]) -> int:
    """Count values, those inside lists and structs too."""
    if isinstance(column, pa.StructArray):
        return len(column) + sum(_values(part) for part in column.flatten())
    if isinstance(column, pa.ListArray | pa.FixedSizeListArray | pa.LargeListArray):  # a map is a list of pairs
        return len(column) + _values(column.flatten())
    return len(column)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
