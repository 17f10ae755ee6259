"""Which files can be imported, and as what. The name decides; what it leaves open, the content does.

Recorded bodies are named as a receiver would: `NAME.traces.bin`, `NAME.logs.json.gz`. Notes that lie beside them
(README, index.json, *.expected.json) are left alone.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from monitor.errors import UsageError

Form = Literal["protobuf", "json", "lines", "csv", "parquet"]

FORMS: Final[dict[str, Form]] = {
    ".bin": "protobuf",
    ".pb": "protobuf",
    ".json": "json",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
}
SIGNALS: Final = ("traces", "logs", "metrics")
NOT_DATA: Final = ("index.json", "package.json")
NOT_DATA_ENDINGS: Final = (".expected.json", ".other.json")


@dataclass(frozen=True)
class Source:
    """A file to import. `signal` is None where the name does not tell."""

    path: Path
    form: Form
    signal: str | None
    zipped: bool

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[IO[bytes], Callable[[], float]]]:
        """Hold the file, unpacked, and a function that tells which share of it has been read."""
        size = max(1, self.path.stat().st_size)
        with self.path.open("rb") as raw:
            file: IO[bytes] = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if self.zipped else raw
            yield file, lambda: min(1.0, raw.tell() / size)


def find(paths: Iterable[Path]) -> tuple[list[Source], list[Path]]:
    """Return what can be imported under `paths`, in order of name, and what was passed over.

    A file that is named outright and cannot be imported is a `UsageError`; inside a folder it is passed over.
    """
    sources: list[Source] = []
    passed: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        if path.is_dir():
            for inner in _walk(path):
                source = classify(inner)
                passed.append(inner) if source is None else sources.append(source)
        else:
            sources.append(_named(path))
    return sources, passed


def _named(path: Path) -> Source:
    source = classify(path)
    if source is None:
        raise UsageError(f"{path} is nothing to import (files end in {', '.join(FORMS)}, with or without .gz)")
    return source


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            yield Path(parent, name)


def classify(path: Path) -> Source | None:
    """Return what `path` is by its name, or None when it is not data.

    >>> classify(Path("chat.01.logs.bin.gz")).signal
    'logs'
    """
    name = path.name.lower()
    if name.startswith(".") or name in NOT_DATA or name.endswith(NOT_DATA_ENDINGS):
        return None
    zipped = name.endswith(".gz")
    stem = name.removesuffix(".gz")
    form = FORMS.get(Path(stem).suffix)
    if form is None or (zipped and form == "parquet"):
        return None
    signal = next((part for part in stem.split(".") if part in SIGNALS), None)
    return Source(path, form, signal, zipped)
