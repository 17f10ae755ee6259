"""Words in texts: searched newest first, with an early stop and a horizon that is told, never silently.

Texts are most of what is stored and have no index, so a search reads the texts of at most `REACH` turns, and stops sooner
when it has found a page. Where the other filters leave few turns (one user's), the texts of those are searched, all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from monitor.store.opening import Transaction
from monitor.store.pages.shapes import AROUND, Made, Value, used

STRIDES: Final = (2_000, 12_000)
"""So many of the newest turns are looked through before it is seen whether they hold a page of what is sought."""

FEW: Final = 400
"""So many turns are searched one by one, however far apart they lie."""

HITS: Final = pa.schema([("trace_id", pa.string())])
NOT_SEARCHED: Final = pa.Table.from_batches([], HITS)  # empty_table() would import pandas

_HAS_WORDS: Final = """(contains(lower(c.input_value), lower($text)) OR contains(lower(c.output_value), lower($text))
    OR contains(lower(c.input_messages), lower((to_json($text)::VARCHAR)[2:-2]))
    OR contains(lower(c.output_messages), lower((to_json($text)::VARCHAR)[2:-2])))"""


@dataclass(frozen=True)
class TextSearch:
    """A search among `turns` (SQL: trace_id, time), in the order `first`, for those that are `passing` the other filters (the same)."""

    turns: str
    passing: str
    first: str = "time DESC"
    paged: bool = True  # it may stop when it has found $limit
    name: str = "hits"

    def run(self, reader: Transaction, values: Mapping[str, Value]) -> Made:
        """Return the traces (`trace_id`) whose texts hold `$text`; $searched_from is since when all were looked at, or NULL."""
        found, since = self._found(reader, values) if values["text"] else (NOT_SEARCHED, None)
        return found, {"searched_from": since}

    def _found(self, reader: Transaction, values: Mapping[str, Value]) -> tuple[pa.Table, datetime | None]:
        few = reader.read(f"SELECT trace_id FROM ({self.passing}) LIMIT {FEW + 1}", used(self.passing, values))
        if few.num_rows <= FEW:
            return _of_traces(reader, values, [row["trace_id"] for row in few.to_pylist()]), None
        found, since = NOT_SEARCHED, None
        times = self._first(reader, values, STRIDES[-1])
        for stride in STRIDES:
            lo, hi = (end.as_py() for end in pc.min_max(times[:stride]).values())
            found, since = _between(reader, values, lo, hi + AROUND), lo if len(times) >= stride else None
            if since is None or self._enough(reader, values, found, since):
                break
        return found, since

    def _first(self, reader: Transaction, values: Mapping[str, Value], n: int) -> pa.ChunkedArray[Any]:
        sql = f"SELECT time FROM ({self.turns}) ORDER BY {self.first} LIMIT {n}"
        return reader.read(sql, used(sql, values))["time"]

    def _enough(self, reader: Transaction, values: Mapping[str, Value], found: pa.Table, since: datetime) -> bool:
        """Whether what was found fills a page."""
        if not self.paged or not found.num_rows:
            return False
        with reader.registered("found", found):
            return bool(reader.read(self._fills, used(self._fills, {**values, "since": since}))["filled"][0].as_py())

    @property
    def _fills(self) -> str:
        sought = f"SELECT * FROM ({self.passing}) SEMI JOIN found USING (trace_id)"
        return f"SELECT count(*) >= $limit AS filled FROM ({sought}) WHERE time >= $since"

    @property
    def statements(self) -> tuple[str, ...]:
        """What it asks the store."""
        return (self.turns, self.passing, self.first, _HAS_WORDS, self._fills if self.paged else "")


def _between(reader: Transaction, values: Mapping[str, Value], since: datetime, until: datetime) -> pa.Table:
    return reader.read(
        f"""SELECT DISTINCT c.trace_id FROM base.content c
            WHERE c.time >= TIMESTAMP '{since}' AND c.time <= TIMESTAMP '{until}' AND {_HAS_WORDS}""",
        {"text": values["text"]},
    )


def _of_traces(reader: Transaction, values: Mapping[str, Value], traces: Sequence[str]) -> pa.Table:
    """Constants, not a join: texts of other traces are never read."""
    named = {f"trace_{number}": trace for number, trace in enumerate(traces)}
    listed = ", ".join(f"${name}" for name in named) or "NULL"
    return reader.read(
        f"SELECT DISTINCT c.trace_id FROM base.content c WHERE c.trace_id IN ({listed}) AND {_HAS_WORDS}",
        {"text": values["text"], **named},
    )
