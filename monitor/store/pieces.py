"""Pieces of time, and whether anything of them has changed: what tells a reader that keeps results what to read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.store.reads import BEGINNING, Reader

_IDENTITY: Final = ("app", "user_id", "session_id")
"""Columns of turns that say whose a turn is: they may be filled in later, without a new row."""


_SIGNED: Final = {
    "turns": "count(*), max(rowid), max(finished_at), bit_xor(hash({whose}, rowid))",
    "samples": "count(*), max(rowid)",
    "judge_draws": "count(*), max(rowid)",
    "grades": "count(*), max(rowid), max(graded_at)",
}
"""What changes with each table."""


def signatures(
    reader: Reader, start: datetime, end: datetime, width: timedelta, columns: Sequence[str]
) -> dict[datetime, tuple[Any, ...]]:
    """Return per piece of time (multiples of `width` since 1970, from the one of `start` on) what changes when anything in it does.

    The first entry is the number of turns. Turns, draws and grades with start <= time < end are looked at; of turns their
    `columns` too. `start` and `end` are bounds of pieces.
    """
    whose = ", ".join(dict.fromkeys((*_IDENTITY, *columns)))
    turns, *others = (
        _signed(reader, table, what.format(whose=whose), start, end, width) for table, what in _SIGNED.items()
    )
    return {at: (*signed, *(other.get(at) for other in others)) for at, signed in turns.items()}


def _signed(
    reader: Reader, table: str, what: str, start: datetime, end: datetime, width: timedelta
) -> dict[datetime, tuple[Any, ...]]:
    """One question a table: joined in one they cost more to plan than to answer."""
    rows = reader.rows(
        f"SELECT epoch_us(time) // ? AS piece, {what} FROM base.{table} WHERE time >= ? AND time < ? GROUP BY piece",
        [width // timedelta(microseconds=1), start, end],
    )
    return {BEGINNING + piece * width: tuple(signed) for piece, *signed in rows}


@dataclass
class Seen:
    """Signatures of one stretch of time, asked for again once anything was written of which they tell. Not for several threads at once."""

    state: object = None
    start: datetime = BEGINNING
    end: datetime = BEGINNING
    found: dict[datetime, tuple[Any, ...]] = field(default_factory=dict)

    def signatures(
        self, reader: Reader, start: datetime, end: datetime, width: timedelta, columns: Sequence[str]
    ) -> dict[datetime, tuple[Any, ...]]:
        """Return what `signatures` does; `width` and `columns` are the same at each call."""
        state = reader.state(tuple(_SIGNED))
        if state != self.state or start > self.end or end < self.start:
            self.state, self.start, self.end, self.found = state, start, start, {}
        for since, until in ((start, self.start), (self.end, end)):
            if since < until:
                self.found |= signatures(reader, since, until, width, columns)
        self.start, self.end = min(start, self.start), max(end, self.end)
        return {at: signed for at, signed in self.found.items() if start <= at < end}


def turn_counts(
    reader: Reader, start: datetime, end: datetime, span: timedelta, shift: timedelta, columns: Sequence[str]
) -> pl.DataFrame:
    """Return app, segment `columns`, time, n and sessions: how many turns with start <= time < end there are, and sessions that ended so.

    `time` is the begin of the window of length `span` they lie in; windows begin `shift` after multiples of `span` since 1970.
    """
    names = "".join(f", t.{name}" for name in columns)
    return reader.frame(
        f"""
        SELECT t.app{names}, time_bucket(to_microseconds(?), t.time, make_timestamp(?)) AS time, count(*) AS n, count(t.session_turns) AS sessions
        FROM base.turns t WHERE t.time >= ? AND t.time < ? GROUP BY ALL""",
        [span // timedelta(microseconds=1), shift // timedelta(microseconds=1), start, end],
    )
