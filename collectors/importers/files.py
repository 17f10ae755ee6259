"""Which files can be imported. A name only says whether a file is worth a look; what it holds, its content says.

Recorded OTLP bodies are named as a receiver would: `NAME.traces.bin`, `NAME.logs.json.gz`; there the name tells the signal, since
protobuf does not. Notes that lie beside them (README, index.json, *.expected.json) are left alone.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Final

from monitor.errors import UsageError

ENDINGS: Final = (".bin", ".pb", ".json", ".jsonl", ".ndjson", ".csv", ".parquet", ".log", ".tsv")
ZIPPED: Final = (".gz", ".zst", ".zstd")
SIGNALS: Final = ("traces", "logs", "metrics")
NOT_DATA: Final = ("index.json", "package.json")
NOT_DATA_ENDINGS: Final = (".expected.json", ".other.json")


@dataclass(frozen=True)
class ImportSource:
    """Something to import, known by `name`; `size` and `changed_ns` tell whether it is what it was.

    `changed_ns` is 0 where the place does not tell, `signal` None where the name does not; `beside` finds what lies in the same
    folder, where a companion may be.
    """

    name: str
    size: int
    changed_ns: int
    signal: str | None
    open_raw: Callable[[], IO[bytes]] = field(compare=False)
    beside: Callable[[], Sequence[ImportSource]] = field(default=tuple, compare=False)

    @property
    def label(self) -> str:
        """The last part of the name, for a progress bar."""
        return self.name.rsplit("/", 1)[-1]


def find(paths: Iterable[Path]) -> tuple[list[ImportSource], list[Path]]:
    """Return what can be imported under `paths`, in order of name, and what was passed over.

    A file that is named outright and cannot be imported is a `UsageError`; inside a folder it is passed over.
    """
    sources: list[ImportSource] = []
    passed: list[Path] = []
    for path in paths:
        if path.is_file():
            sources.append(_named(path))
            continue
        for inner in _inside(path):
            sources.append(local(inner)) if is_data(inner.name) else passed.append(inner)
    return sources, passed


def _inside(path: Path) -> Iterator[Path]:
    """Yield the files of a folder, or of what a name with `*`, `?` or `[` matches that no shell has expanded."""
    if path.is_dir():
        yield from _walk(path)
        return
    found = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(str(path)) else []  # noqa: PTH207 - of a whole path
    if not found:
        raise UsageError(f"{path} does not exist")
    for match in map(Path, found):
        if match.is_file():
            yield match
        elif match.is_dir():
            yield from _walk(match)


def _named(path: Path) -> ImportSource:
    if not is_data(path.name):
        raise UsageError(
            f"{path} is nothing to import (files end in {', '.join(ENDINGS)}, with or without .gz or .zst)"
        )
    return local(path)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if _within(Path(parent, name), folder):
                yield Path(parent, name)


def _within(path: Path, folder: Path) -> bool:
    """Whether what stands at `path` lies in `folder`: a link must not lead an import to files that nobody named."""
    return not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())


def local(path: Path) -> ImportSource:
    """Return a file of this machine."""
    stat = path.stat()
    return ImportSource(
        str(path), stat.st_size, stat.st_mtime_ns, signal_of(path.name), partial(_open, path), partial(_near, path)
    )


def _near(path: Path) -> list[ImportSource]:
    return [
        local(inner)
        for inner in sorted(path.parent.iterdir())
        if inner != path and inner.is_file() and is_data(inner.name) and _within(inner, path.parent)
    ]


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def is_data(name: str) -> bool:
    """Tell by its name whether a file is worth a look.

    >>> is_data("20260301T12_0001.json.gz"), is_data("README.md")
    (True, False)
    """
    low = name.lower()
    if low.startswith(".") or low in NOT_DATA or low.endswith(NOT_DATA_ENDINGS):
        return False
    return low.removesuffix(next((end for end in ZIPPED if low.endswith(end)), "")).endswith(ENDINGS)


def signal_of(name: str) -> str | None:
    """Return the OTLP signal that a name tells.

    >>> signal_of("chat.01.logs.bin.gz")
    'logs'
    """
    return next((part for part in name.lower().split(".") if part in SIGNALS), None)
