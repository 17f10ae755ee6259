"""Files -> spool: told what they are, read record by record, and gone on with where a killed import stopped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Final, Protocol

from collectors.batch import Batch
from collectors.decode import BadBody
from collectors.importers.batches import beside, requests_of
from collectors.importers.files import ImportSource
from collectors.importers.formats import EXPOSURES, INTERACTIONS, Format
from collectors.importers.layout import opened
from collectors.importers.readers import READING_ERRORS, ImportItem, check_columns, read
from collectors.importers.record import Origin
from collectors.importers.sniff import Seen, look
from collectors.importers.taking import CHUNK_ROWS, Report, Taking, Terms

CHUNK: Final = 2000
"""Records that become durable together."""


class Steps(Protocol):
    """What is remembered of an import, so that one that was killed goes on where it stopped."""

    def done(self, source: ImportSource) -> tuple[int, bool]:
        """Return how many items of `source` are in already, and whether that is all."""

    def note(self, source: ImportSource, done: int, *, whole: bool) -> None:
        """Remember that `done` items of `source` are durable."""

    def finish(self) -> None:
        """Forget everything: it is in."""


@dataclass(frozen=True)
class Import:
    """An import of files on its way; `progress` takes the share done and a file."""

    taking: Taking
    journal: Steps
    terms: Terms
    progress: Callable[[float, str], None]

    def run(self, sources: Sequence[ImportSource]) -> Report:
        """Bring `sources` into the spool. What is wrong with one item or file is told, counted and stepped over."""
        total = max(1, sum(source.size for source in sources))
        before = 0
        seen = {source.name: look(source, self.terms.format, self.terms.names) for source in sources}
        given = requests_of(s for s in sources if (found := seen[s.name].format) is not None and found.companion)
        for source in sources:
            share = partial(_overall, before, source.size, total)
            self._file(source, seen[source.name], given, share)
            before += source.size
        self.journal.finish()
        return self.taking.report

    def _file(
        self, source: ImportSource, seen: Seen, given: Mapping[str, bytes], share: Callable[[float], float]
    ) -> None:
        done, whole = self.journal.done(source)
        if seen.format is None:
            self._refuse_file(
                source, seen, seen.problem or "nothing that can be imported is in it (plumbline import --help)"
            )
        elif not whole:
            self._read(source, seen, done, self._origin(source, seen, given), share)
        self.taking.report.files += 1
        self.taking.report.formats[_name(seen)] += 1
        self.progress(share(1.0), source.label)

    def _origin(self, source: ImportSource, seen: Seen, given: Mapping[str, bytes]) -> Origin:
        now = self.terms.now_us()
        requests = given
        if seen.format is not None and seen.format.name == "openai" and not given:
            requests = requests_of(beside(source))
        return Origin(
            min(source.changed_ns // 1000 or now, now),
            now,
            self.terms.app,
            requests,
            source.signal,
            self.terms.names,
            self.terms.rules,
        )

    def _read(
        self, source: ImportSource, seen: Seen, done: int, origin: Origin, share: Callable[[float], float]
    ) -> None:
        """Whatever ends the reading of one file early is told and counted; what was read of it stays."""
        try:
            with opened(source) as (file, at):
                items = self._items(source, seen, file)
                self._chunks(source, seen, items, done, origin, lambda: self.progress(share(at()), source.label))
        except (BadBody, *READING_ERRORS) as error:
            self._refuse_file(source, seen, str(error) or type(error).__name__)

    def _items(self, source: ImportSource, seen: Seen, file: IO[bytes]) -> Iterator[ImportItem]:
        if seen.format is None:
            return iter(())
        items = read(file, seen.layout, raw=seen.format.raw, max_body=self.terms.max_body)
        if seen.format in (INTERACTIONS, EXPOSURES) and seen.layout in ("csv", "parquet"):
            items = _checked(source, items, self.terms.names)
        return seen.format.gather(self._watched(seen.format, items))

    def _watched(self, format_: Format, items: Iterator[ImportItem]) -> Iterator[ImportItem]:
        for item in items:
            self.taking.watch(format_, item)
            yield item

    def _chunks(
        self,
        source: ImportSource,
        seen: Seen,
        items: Iterator[ImportItem],
        done: int,
        origin: Origin,
        tick: Callable[[], None],
    ) -> None:
        fresh = itertools.islice(items, done, None)
        while True:
            batch = Batch()
            count, accepted = self._chunk(source, seen, fresh, batch, origin)
            done += count
            self._keep(source, batch, done, whole=count == 0)
            self.taking.report.taken[_name(seen)] += accepted
            tick()
            if count == 0:
                return

    def _chunk(
        self, source: ImportSource, seen: Seen, items: Iterator[ImportItem], batch: Batch, origin: Origin
    ) -> tuple[int, int]:
        """Fill `batch`; return how many items were taken and how many things in them were fine."""
        count = accepted = 0
        for item in itertools.islice(items, CHUNK):
            count += 1
            place = _place(source, item.position)
            accepted += self.taking.add(place, _name(seen), seen.format, batch, item, origin).accepted
            if len(batch) >= CHUNK_ROWS:
                break
        return count, accepted

    def _refuse_file(self, source: ImportSource, seen: Seen, reason: str) -> None:
        batch = Batch()
        self.taking.refuse(source.name, _name(seen), reason, batch)
        self._keep(source, batch, 0, whole=True)

    def _keep(self, source: ImportSource, batch: Batch, done: int, *, whole: bool) -> None:
        """Make a batch durable, and only then write down that it is."""
        self.taking.keep(batch)
        self.journal.note(source, done, whole=whole)


def _name(seen: Seen) -> str:
    return seen.format.name if seen.format else "unknown"


def _place(source: ImportSource, position: int) -> str:
    return f"{source.name}:{position}" if position else source.name


def _overall(before: int, size: int, total: int, share: float) -> float:
    return (before + share * size) / total


def _checked(source: ImportSource, items: Iterator[ImportItem], names: Mapping[str, str]) -> Iterator[ImportItem]:
    """Pass the rows of a table on, once the first shows that it has the columns it is said to have."""
    first: Any = next(items, None)
    if first is None:
        return
    check_columns(source.name, first.record or {}, names)
    yield first
    yield from items
