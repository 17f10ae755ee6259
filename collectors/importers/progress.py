"""How far an import has come, so that one that was killed goes on where it stopped.

A journal of one JSON line a step, kept while the import runs and removed when it is done: what is imported already is
the store's business, which keeps the first of two equal rows.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from collectors.importers.files import ImportSource
from monitor.errors import StoreError


class JournalEntry(msgspec.Struct, array_like=True):
    """Of this file, in this state, `done` items are durable in the spool; `whole` when that is all of it."""

    path: str
    size: int
    changed_ns: int
    done: int
    whole: bool


@dataclass
class Journal:
    """The steps of one import."""

    path: Path
    steps: dict[str, JournalEntry] = field(default_factory=dict)

    def done(self, source: ImportSource) -> tuple[int, bool]:
        """Return how many items of `source` are in already, and whether that is all; nothing once it has changed."""
        step = self.steps.get(source.name)
        if step is None or (step.size, step.changed_ns) != (source.size, source.changed_ns):
            return 0, False
        return step.done, step.whole

    def note(self, source: ImportSource, done: int, *, whole: bool) -> None:
        """Write down that `done` items of `source` are durable."""
        step = JournalEntry(source.name, source.size, source.changed_ns, done, whole)
        self.steps[step.path] = step
        with self.path.open("ab") as journal:
            journal.write(msgspec.json.encode(step) + b"\n")

    def finish(self) -> None:
        """Forget the steps: everything is in."""
        self.path.unlink(missing_ok=True)


def open_journal(folder: Path, files: Iterable[ImportSource], terms: str) -> Journal:
    """Return the journal in `folder` of an import of `files` under `terms` (what else decides the rows)."""
    asked = "\n".join([terms, *sorted(file.name for file in files)])
    name = hashlib.sha256(asked.encode(errors="surrogateescape")).hexdigest()[:16]
    journal = Journal(folder / f"{name}.jsonl")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = journal.path.read_bytes().splitlines() if journal.path.exists() else []
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise StoreError(f"{folder} cannot be used: {error.strerror} (mend its permissions)") from None
    for line in lines:
        try:
            step = msgspec.json.decode(line, type=JournalEntry)
        except msgspec.MsgspecError:
            break  # the torn last line of a killed import
        journal.steps[step.path] = step
    return journal
