"""Small spools to break."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from monitor.spool import Damage, Frame, families, read_frames
from monitor.spool_writer import SpoolWriter


def text_of(frame: Frame) -> str:
    """What a test frame says."""
    return frame.tables["spans"].decode()


def fill(folder: Path, texts: Iterable[str], prefix: str = "c", segment_bytes: int = 64 << 20) -> str:
    """Write one frame a text, synced; return the family."""
    writer = SpoolWriter(folder, prefix, segment_bytes=segment_bytes)
    for text in texts:
        writer.append({"spans": text.encode()})
    family = writer.family
    writer.close()
    return family


def read_all(folder: Path, family: str, limit_bytes: int = 32 << 20) -> tuple[list[Frame], list[Damage]]:
    """Follow a family from its beginning to its end, as the loader does."""
    frames: list[Frame] = []
    damage: list[Damage] = []
    at = (0, 0)
    while True:
        stretch = read_frames(folder, family, *at, limit_bytes)
        frames += stretch.frames
        damage += stretch.damage
        if (stretch.segment, stretch.byte) == at:
            return frames, damage
        at = (stretch.segment, stretch.byte)


def texts(folder: Path, limit_bytes: int = 32 << 20) -> list[str]:
    """All texts of all families."""
    return [text_of(frame) for family in families(folder) for frame in read_all(folder, family, limit_bytes)[0]]


def one_segment(folder: Path) -> Path:
    """The only segment file there is."""
    (path,) = folder.glob("*.seg")
    return path


def mode(path: Path) -> int:
    """Permission bits."""
    return os.stat(path).st_mode & 0o777  # noqa: PTH116 - the test is about the bits
