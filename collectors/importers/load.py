"""Files -> spool: the same rows, redaction and features as at the OTLP door, in frames that are durable one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Final, Protocol

from collectors.batch import Batch
from collectors.decode import BadBody, propagate
from collectors.importers.bodies import decode, read_body, records_of
from collectors.importers.files import Source
from collectors.importers.progress import Journal
from collectors.importers.readers import (
    READING_ERRORS,
    Item,
    check_columns,
    read_csv,
    read_lines,
    read_listed,
    read_parquet,
    renamed,
)
from collectors.importers.records import BadRecord, Origin, add_record

CHUNK: Final = 500
"""Records that become durable together."""

SOURCE: Final = "import"
"""The ledger's name for what was refused before an app was known."""


class Spool(Protocol):
    """Where frames become durable."""

    def append(self, tables: Mapping[str, bytes]) -> None:
        """Write one frame."""

    def sync(self) -> None:
        """Make it durable."""


@dataclass(frozen=True)
class Terms:
    """How files are read: names of columns, the app of records that name none, the limit of one body, and now."""

    names: Mapping[str, str]
    app: str | None
    max_body: int
    now_us: Callable[[], int]


@dataclass
class Report:
    """What an import did."""

    files: int = 0
    accepted: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Import:
    """An import on its way. `complain` takes one line for each thing refused, `progress` the share done and a file."""

    spool: Spool
    to_tables: Callable[[Batch], Mapping[str, bytes]]
    journal: Journal
    terms: Terms
    complain: Callable[[str], None]
    progress: Callable[[float, str], None]
    report: Report = field(default_factory=Report)

    def run(self, sources: Sequence[Source]) -> Report:
        """Bring `sources` into the spool. What is wrong with one item or file is told, counted and stepped over."""
        total = max(1, sum(source.path.stat().st_size for source in sources))
        before = 0
        for source in sources:
            size = source.path.stat().st_size
            self._file(source, partial(_overall, before, size, total))
            before += size
        self.journal.finish()
        return self.report

    def _file(self, source: Source, share: Callable[[float], float]) -> None:
        done, whole = self.journal.done(source.path)
        if not whole:
            self._read(source, done, share)
        self.report.files += 1
        self.progress(share(1.0), source.path.name)

    def _read(self, source: Source, done: int, share: Callable[[float], float]) -> None:
        """Whatever ends the reading of one file early is told and counted; what was read of it stays."""
        try:
            with source.open() as (file, at):
                self._open(source, file, done, lambda: self.progress(share(at()), source.path.name))
        except (BadBody, *READING_ERRORS) as error:
            self._refuse_file(source, str(error))

    def _open(self, source: Source, file: IO[bytes], done: int, tick: Callable[[], None]) -> None:
        if source.form not in ("protobuf", "json"):
            self._records(source, _items(source, file), done, tick)
            return
        body = read_body(file, self.terms.max_body)
        listed = records_of(source, body)
        if listed is None:
            self._body(source, body)
        else:
            self._records(source, read_listed(listed), done, tick)

    def _body(self, source: Source, body: bytes) -> None:
        batch = Batch()
        outcome = decode(source, body, batch, self.terms.now_us())
        if outcome.message:
            self.complain(f"{source.path}: {outcome.message}")
        self.report.refused += outcome.rejected
        self._keep(source, batch, outcome.accepted, 1, whole=True)

    def _records(self, source: Source, items: Iterator[Item], done: int, tick: Callable[[], None]) -> None:
        fresh = itertools.islice(items, done, None)
        checked = source.form not in ("csv", "parquet")
        while chunk := list(itertools.islice(fresh, CHUNK)):
            if not checked:
                check_columns(source.path, chunk[0].record or {}, self.terms.names)
                checked = True
            batch = Batch()
            accepted = self._chunk(source, chunk, batch)
            done += len(chunk)
            self._keep(source, batch, accepted, done, whole=False)
            tick()
        self.journal.note(source.path, done, whole=True)

    def _chunk(self, source: Source, chunk: Iterable[Item], batch: Batch) -> int:
        stat, now = source.path.stat(), self.terms.now_us()
        origin = Origin(min(stat.st_mtime_ns // 1000, now), now, self.terms.app)
        accepted = 0
        for item in chunk:
            problem = self._add(batch, item, origin)
            if problem is None:
                accepted += 1
            else:
                self._refuse(source, item.position, problem, batch)
        return accepted

    def _add(self, batch: Batch, item: Item, origin: Origin) -> str | None:
        """Append a record, or say what is wrong with it."""
        if item.record is None:
            return item.problem
        try:
            add_record(batch, renamed(item.record, self.terms.names), item.position, origin)
        except BadRecord as error:
            return str(error)
        return None

    def _refuse(self, source: Source, position: int, reason: str, batch: Batch) -> None:
        self.complain(f"{source.path}:{position}: {reason}")
        self.report.refused += 1
        batch.add("refusals", time=self.terms.now_us(), source=SOURCE, received=1, reason=reason)

    def _refuse_file(self, source: Source, reason: str) -> None:
        batch = Batch()
        self.complain(f"{source.path}: {reason}")
        self.report.refused += 1
        batch.add("refusals", time=self.terms.now_us(), source=SOURCE, received=1, reason=reason)
        self._keep(source, batch, 0, 0, whole=True)

    def _keep(self, source: Source, batch: Batch, accepted: int, done: int, *, whole: bool) -> None:
        """Make a batch durable, and only then write down that it is."""
        propagate(batch)
        if len(batch):
            self.spool.append(self.to_tables(batch))
            self.spool.sync()
        self.journal.note(source.path, done, whole=whole)
        self.report.accepted += accepted


def _overall(before: int, size: int, total: int, share: float) -> float:
    return (before + share * size) / total


def _items(source: Source, file: IO[bytes]) -> Iterator[Item]:
    if source.form == "parquet":
        return read_parquet(source.path)
    return read_csv(file) if source.form == "csv" else read_lines(file)
