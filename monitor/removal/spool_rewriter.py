"""Change frames of the spool where they lie: same place, same length, so that no position moves and no writer is disturbed.

A writer only appends, so a whole frame is never touched by it again. A kill in the middle damages one frame; the reader steps over
it, and what was in it has been loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.errors import StoreError
from monitor.spool import Frame, families, read_frames, segment_path
from monitor.spool_frames import HEADER, MAGIC, PLAIN, Tables, filling, framed
from monitor.spool_writer import mend_idle

Change = Callable[[Tables], Tables | None]
"""The tables as they shall be, or None when they may stay. They may be smaller, and must not be larger."""


def rewrite_spool(folder: Path, change: Change, loaded: Mapping[str, tuple[int, int]]) -> int:
    """Apply `change` to every frame that is `loaded` and clear what is unreadable; return how many frames changed.

    `loaded` is, per family, the segment and byte up to which the store has it. What comes after is left: it was acknowledged
    and is in no ledger yet, so it is the loader that must refuse it.
    """
    changed = 0
    mend_idle(folder)
    for family in families(folder):
        at, upto = (0, 0), loaded.get(family, (0, 0))
        while at < upto:
            stretch = read_frames(folder, family, *at)
            for piece in stretch.damage:
                if (piece.segment, piece.end) <= upto:
                    _write(segment_path(folder, family, piece.segment), piece.start, bytes(piece.end - piece.start))
            changed += sum(_rewrite(folder, f, change) for f in stretch.frames if (f.segment, f.end) <= upto)
            if (stretch.segment, stretch.byte) == at:
                break
            at = (stretch.segment, stretch.byte)
    return changed


def _rewrite(folder: Path, frame: Frame, change: Change) -> bool:
    wanted = change(frame.tables)
    if wanted is None:
        return False
    path = segment_path(folder, frame.family, frame.segment)
    with path.open("rb") as file:
        file.seek(frame.start)
        magic, sequence, length, _ = HEADER.unpack(file.read(HEADER.size))
    if magic not in {MAGIC, PLAIN} or frame.start + HEADER.size + length != frame.end:
        raise StoreError(f"{path}: the frame at byte {frame.start} is not where it was (run `plumbline erase` again)")
    _write(path, frame.start, framed(magic, sequence, filling(magic, wanted, length)))
    return True


def _write(path: Path, at: int, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            done = os.pwrite(handle, view, at)
            view, at = view[done:], at + done
        os.fdatasync(handle)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror} (what was begun goes on at the next start)") from error
    finally:
        os.close(handle)
