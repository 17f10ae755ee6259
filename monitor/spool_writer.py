"""The writing end of the spool: one process, one family of segments, durable at every `sync`.

What a killed writer left behind at the end of a segment was never acknowledged, and is cut off by whoever comes next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from monitor.spool import (
    disk_errors,
    families,
    read_frames,
    segment_path,
    segments,
)
from monitor.spool_frames import MAGIC, framed, packed

SEGMENT_BYTES: Final = 64 << 20
MEND_BYTES: Final = 8 << 20


class SpoolWriter:
    """The writing end of one family. Not thread-safe: one thread appends and syncs.

    Opening it claims a free family that begins with `prefix` and cuts a torn tail off its newest segment; writing goes on
    in a new one. Raises `StoreError`.
    """

    def __init__(self, folder: Path, prefix: str = "c", *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Claim a family in `folder`, creating the folder where it is missing."""
        self._folder = folder
        self._segment_bytes = segment_bytes
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.family, self._lock = _claim(folder, prefix)
            numbers = segments(folder, self.family)
            self._number = numbers[-1] if numbers else 0
            self._sequence = 0
            self._file: int | None = None
            if numbers:
                _mend(folder, self.family, numbers[-1])

    def append(self, tables: Mapping[str, bytes]) -> None:
        """Write one frame; it is durable only after `sync`. Raises `StoreError`, after which nothing may be acknowledged."""
        self._sequence += 1
        frame = framed(MAGIC, self._sequence, packed(tables))
        with disk_errors(self._folder):
            _write_all(self._room_for(len(frame)), frame)

    def sync(self) -> None:
        """Make everything appended so far durable. Raises `StoreError`."""
        if self._file is not None:
            with disk_errors(self._folder):
                os.fdatasync(self._file)

    def abandon(self) -> None:
        """Leave the current segment as it is and go on in a new one: after a failed write or sync its tail is unknown."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._file = None

    def close(self) -> None:
        """Sync, close and give the family back."""
        try:
            self.sync()
        finally:
            self.abandon()
            os.close(self._lock)

    def _room_for(self, size: int) -> int:
        if self._file is not None and os.lseek(self._file, 0, os.SEEK_END) + size > self._segment_bytes:
            os.fdatasync(self._file)
            self.abandon()
        if self._file is None:
            self._number += 1
            self._file = _create(self._folder, segment_path(self._folder, self.family, self._number))
        return self._file


def _mend(folder: Path, family: str, number: int) -> None:
    """Cut a torn tail off. The segment is not gone on with: a reader may have passed what a power cut took back."""
    good = 0
    while (reached := read_frames(folder, family, number, good, MEND_BYTES).byte) != good:
        good = reached
    with segment_path(folder, family, number).open("r+b") as file:
        file.truncate(good)
        os.fdatasync(file.fileno())


def mend_idle(folder: Path) -> None:
    """Cut torn tails off the families that nobody writes: what a killed writer left there was never acknowledged.

    Whoever opens such a family next would do the same; an import may never come again. Raises `StoreError`.
    """
    with disk_errors(folder):
        for family in families(folder):
            lock = _hold(folder, family)
            if lock is not None:
                try:
                    _mend(folder, family, segments(folder, family)[-1])
                finally:
                    os.close(lock)


def _claim(folder: Path, prefix: str) -> tuple[str, int]:
    """Lock the first family of `prefix` that nobody holds; the lock goes with the process, however it ends."""
    number = 0
    while True:
        family = f"{prefix}{number}"
        if (lock := _hold(folder, family)) is not None:
            return family, lock
        number += 1


def _hold(folder: Path, family: str) -> int | None:
    handle = os.open(folder / f"{family}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _create(folder: Path, path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name must be as durable as what it names
    finally:
        os.close(directory)
    return file


def _write_all(file: int, data: bytes) -> None:
    begin, view = os.lseek(file, 0, os.SEEK_END), memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, begin)  # half a frame is no damage to report, and a full disk needs the room
        raise
