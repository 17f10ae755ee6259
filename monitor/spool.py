"""The spool: where acknowledged data waits for the store, as checksummed frames in append-only segment files.

A collector process owns one *family* of segments (`c0-000001.seg`, ...), claimed with a lock, so that no two processes ever
write one file. A frame (`monitor.spool_frames`) holds several tables as Arrow IPC bytes, compressed. It is there or it is not: the
reader stops at a torn tail and steps over a damaged middle.
The spool never holds unredacted text. Do not use it as a queue between threads: it is made of `fdatasync`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from monitor.errors import StoreError
from monitor.spool_frames import BEGINNING, HEADER, MAGIC, MAX_PAYLOAD, PLAIN, checksum_of, unpacked

_SEGMENT: Final = re.compile(r"(?P<family>[a-z]+\d*)-(?P<number>\d{8})\.seg")


@dataclass(frozen=True)
class Frame:
    """One group of rows that became durable together: where it begins, and the byte after it, where reading goes on."""

    family: str
    segment: int
    start: int
    end: int
    tables: dict[str, bytes]


@dataclass(frozen=True)
class Damage:
    """Bytes of a segment that hold no readable frame though good frames follow."""

    family: str
    segment: int
    start: int
    end: int


@dataclass(frozen=True)
class Stretch:
    """What was read from one segment, and where the next read begins; the same place again means nothing new."""

    frames: list[Frame]
    damage: list[Damage]
    segment: int
    byte: int


def read_frames(folder: Path, family: str, segment: int, byte: int, limit_bytes: int = 32 << 20) -> Stretch:
    """Read whole frames of one segment from (`segment`, `byte`) on, about `limit_bytes` of them once they are unpacked.

    An unfinished frame at the end of the newest segment ends the stretch: it may still be being written. Unreadable
    bytes before a good frame, or at the end of an older segment, are `Damage` and are stepped over.
    """
    numbers = [number for number in segments(folder, family) if number >= segment]
    if not numbers:
        return Stretch([], [], segment, byte)
    number, newer = numbers[0], numbers[1:]
    piece = _piece(folder, family, number, byte if number == segment else 0, limit_bytes)
    frames, damage, end, finished = _scan(piece, limit_bytes)
    if not frames and not damage and not piece.reaches_end:  # one large frame, or damage that reaches far
        piece = _piece(folder, family, number, piece.base, MAX_PAYLOAD)
        frames, damage, end, finished = _scan(piece, limit_bytes)
    if not (newer and finished):
        return Stretch(frames, damage, number, end)
    if end < piece.end():
        damage.append(Damage(family, number, end, piece.end()))
    return Stretch(frames, damage, newer[0], 0)


@dataclass(frozen=True)
class _Piece:
    """Bytes of a segment from `base` on."""

    family: str
    number: int
    base: int
    data: bytes
    reaches_end: bool

    def end(self) -> int:
        return self.base + len(self.data)


def _piece(folder: Path, family: str, number: int, base: int, length: int) -> _Piece:
    """Read at most `length` bytes: a loader that asks five times a second must not read whole segments."""
    with disk_errors(folder), segment_path(folder, family, number).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(base)
        data = file.read(max(0, min(length, size - base)))
    return _Piece(family, number, base, data, base + len(data) >= size)


def _scan(piece: _Piece, limit: int) -> tuple[list[Frame], list[Damage], int, bool]:
    """Return frames, damage between them, where the next read begins, and whether the segment holds nothing more."""
    frames: list[Frame] = []
    damage: list[Damage] = []
    at, held = 0, 0
    while at < len(piece.data) and at < limit and held < limit:
        if frame := _frame_at(piece, at):
            frames.append(frame)
            held += sum(map(len, frame.tables.values()))
            at = frame.end - piece.base
        elif (good := _next_good(piece, at + 1)) is not None:
            damage.append(Damage(piece.family, piece.number, piece.base + at, piece.base + good))
            at = good
        else:
            return frames, damage, piece.base + at, piece.reaches_end
    return frames, damage, piece.base + at, piece.reaches_end and at >= len(piece.data)


def _frame_at(piece: _Piece, at: int) -> Frame | None:
    if len(piece.data) - at < HEADER.size:
        return None
    magic, sequence, length, checksum = HEADER.unpack_from(piece.data, at)
    end = at + HEADER.size + length
    if magic not in {MAGIC, PLAIN} or length > MAX_PAYLOAD or end > len(piece.data):
        return None
    payload = memoryview(piece.data)[at + HEADER.size : end]
    if checksum_of(sequence, payload) != checksum:
        return None
    return Frame(piece.family, piece.number, piece.base + at, piece.base + end, unpacked(magic, payload))


def _next_good(piece: _Piece, at: int) -> int | None:
    """Where the next readable frame begins: a magic alone proves nothing, texts may hold it."""
    while (at := piece.data.find(BEGINNING, at)) >= 0:
        if _frame_at(piece, at) is not None:
            return at
        at += 1
    return None


def families(folder: Path) -> list[str]:
    """Return the families that have segments in `folder`."""
    return sorted({match["family"] for match in _segment_files(folder)})


def segments(folder: Path, family: str) -> list[int]:
    """Return the numbers of the segments of `family`, oldest first."""
    return sorted(int(match["number"]) for match in _segment_files(folder) if match["family"] == family)


def ends(folder: Path) -> dict[str, tuple[int, int]]:
    """Return per family the number of its newest segment and how many bytes that holds now."""
    found = {}
    for family in families(folder):
        newest = segments(folder, family)[-1]
        with disk_errors(folder):
            found[family] = newest, segment_path(folder, family, newest).stat().st_size
    return found


def drop_segments(folder: Path, family: str, before: int, older_than: timedelta, now: datetime) -> int:
    """Delete segments of `family` numbered below `before` that were last written `older_than` ago; return how many.

    The newest segment always stays: its number is where a writer goes on.
    """
    dropped = 0
    for number in segments(folder, family)[:-1]:
        path = segment_path(folder, family, number)
        if number < before and now.timestamp() - path.stat().st_mtime > older_than.total_seconds():
            path.unlink(missing_ok=True)
            dropped += 1
    return dropped


def _segment_files(folder: Path) -> Iterator[re.Match[str]]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        return
    yield from (match for name in names if (match := _SEGMENT.fullmatch(name)))


def segment_path(folder: Path, family: str, number: int) -> Path:
    """Return the file of a segment."""
    return folder / f"{family}-{number:08d}.seg"


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into a `StoreError` of one line."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror or error} (check free space and permissions)") from error
