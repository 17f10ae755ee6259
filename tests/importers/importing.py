"""Files through the importers' own path into a real store, as `plumbline import` does it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.importers.files import ImportSource, find
from collectors.importers.formats import BY_NAME, Format
from collectors.importers.load import Import
from collectors.importers.progress import open_journal
from collectors.importers.readers import ImportItem
from collectors.importers.record import Added, Origin
from collectors.importers.taking import Report, Taking, Terms
from collectors.redaction.redact import Redactor
from monitor.spool_writer import SpoolWriter
from monitor.store.opening import Store
from tests.support.settled import settled_store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1_000_000)
ORIGIN = Origin(NOW_US, NOW_US, None)
TERMS = Terms({}, None, 32_000_000, lambda: NOW_US)


@dataclass(frozen=True)
class Imported:
    """What an import said and what the store holds afterwards."""

    report: Report
    complaints: list[str]
    store: Store

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.store.read(sql).to_pylist()

    def row(self, sql: str) -> dict[str, Any]:
        (only,) = self.rows(sql)
        return only


@contextmanager
def imported(
    folder: Path,
    *paths: Path,
    app: str | None = None,
    format_: Format | None = None,
    names: Mapping[str, str] | None = None,
    max_body: int = 32_000_000,
) -> Iterator[Imported]:
    """Import `paths` into a store in `folder`, redacted, and hold it open."""
    terms = Terms(names or {}, app, max_body, lambda: NOW_US, format_)
    with imported_sources(folder, find(paths)[0], terms) as done:
        yield done


@contextmanager
def imported_sources(folder: Path, sources: Sequence[ImportSource], terms: Terms = TERMS) -> Iterator[Imported]:
    """Import `sources` into a store in `folder`, redacted, and hold it open."""
    complaints: list[str] = []
    writer = SpoolWriter(folder / "spool", "import")
    redactor = Redactor(b"k" * 32, ("email", "card", "secret"))
    taking = Taking(writer, partial(_tables, redactor), terms.now_us, complaints.append)
    journal = open_journal(folder / "imports", sources, "t")
    report = Import(taking, journal, terms, lambda _share, _note: None).run(sources)
    writer.close()
    with loaded(folder, report, complaints) as done:
        yield done


@contextmanager
def loaded(folder: Path, report: Report | None = None, complaints: Sequence[str] = ()) -> Iterator[Imported]:
    """Load what lies in the spool of `folder`, and hold the store open."""
    with settled_store(folder, NOW) as store:
        yield Imported(report or Report(), list(complaints), store)


def _tables(redactor: Redactor, batch: Batch) -> dict[str, bytes]:
    return to_tables(batch, redactor)


def told(name: str, record: Mapping[str, Any], origin: Origin = ORIGIN) -> dict[str, list[dict[str, Any]]]:
    """The rows that one record becomes, by table."""
    batch = Batch()
    added: Added = BY_NAME[name].add(batch, ImportItem(1, dict(record)), origin)
    assert added.rejected == 0
    return {table: batch.dicts(table) for table in batch.rows}


def span(name: str, record: Mapping[str, Any], origin: Origin = ORIGIN) -> dict[str, Any]:
    """The one span of a record, its content row mixed in."""
    rows = told(name, record, origin)
    (one,) = rows["spans"]
    return {**one, **(rows["content"][0] if rows["content"] else {})}


def texts(messages: str | None) -> list[tuple[str, str]]:
    """The role and text of every text part."""
    return [
        (message["role"], part["content"])
        for message in json.loads(messages or "[]")
        for part in message["parts"]
        if part["type"] == "text"
    ]


def lines(path: Path, *records: Any) -> Path:
    """Write JSON lines; bytes are written as they are."""
    path.write_bytes(b"".join((r if isinstance(r, bytes) else msgspec.json.encode(r)) + b"\n" for r in records))
    return path
