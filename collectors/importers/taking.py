"""Items -> spool: the same rows, redaction and features as at the OTLP door, in frames that are durable one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from collectors.batch import Batch
from collectors.decode import propagate
from collectors.dialects.table import Table
from collectors.importers.formats import Format
from collectors.importers.readers import ImportItem
from collectors.importers.record import Added, BadRecord, Origin

CHUNK_ROWS: Final = 8000
"""Rows after which a frame is full, however few items they came from."""

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
    """How files are read: names of columns, the app of records that name none, the limit of one body, and now.

    `format` overrules what a file looks like; None as `rules` takes the shipped dialects.
    """

    names: Mapping[str, str]
    app: str | None
    max_body: int
    now_us: Callable[[], int]
    format: Format | None = None
    rules: Table | None = None


@dataclass
class Report:
    """What an import did. `formats` are files by format, `taken` and `turned_away` the things in them that were fine and refused.

    `notes` counts what is worth a line: content that lies elsewhere, answers without a question.
    """

    files: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    turned_away: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """How many things were fine and are durable."""
        return self.taken.total()

    @property
    def refused(self) -> int:
        """How many things were refused."""
        return self.turned_away.total()


def _unwatched(_format: Format, _item: ImportItem) -> None:
    """Nobody looks at the items as they pass."""


@dataclass(frozen=True)
class Taking:
    """What takes items in. `complain` takes one line for each thing refused; `watch` sees each item as it was found."""

    spool: Spool
    to_tables: Callable[[Batch], Mapping[str, bytes]]
    now_us: Callable[[], int]
    complain: Callable[[str], None]
    watch: Callable[[Format, ImportItem], None] = _unwatched
    report: Report = field(default_factory=Report)

    def add(
        self, place: str, name: str, format_: Format | None, batch: Batch, item: ImportItem, origin: Origin
    ) -> Added:
        """Append the item at `place`, or say what is wrong with it; `name` is what it is counted under."""
        if format_ is None or item.problem:
            return self.refuse(place, name, item.problem, batch)
        mark = batch.mark()
        try:
            outcome = format_.add(batch, item, origin)
        except BadRecord as error:
            batch.rollback(mark)
            return self.refuse(place, name, str(error), batch)
        self.report.notes.update(outcome.notes)
        if outcome.rejected:
            self.complain(f"{place}: {outcome.message}")
            self.report.turned_away[name] += outcome.rejected
        return outcome

    def refuse(self, place: str, name: str, reason: str, batch: Batch) -> Added:
        """Tell and count one thing that is not taken."""
        self.complain(f"{place}: {reason}")
        self.report.turned_away[name] += 1
        batch.add("refusals", time=self.now_us(), source=SOURCE, received=1, reason=reason)
        return Added(rejected=1, message=reason)

    def keep(self, batch: Batch) -> None:
        """Make a batch durable: when this returns, it is."""
        propagate(batch)
        if len(batch):
            self.spool.append(self.to_tables(batch))
            self.spool.sync()
