"""The verdicts of a replay that a rule is broken, by rule: what a look asks for is a few of the newest."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from monitor.store.standing import Stream

CASES: Final[dict[str, pl.DataType]] = {
    "app": pl.String(),
    "rule_id": pl.String(),
    "unit_id": pl.String(),
    "graded_at": pl.Datetime("us"),
}


class Violation(NamedTuple):
    """One violation that stands; times are naive UTC."""

    time: datetime
    app: str
    rule_id: str
    unit_id: str
    graded_at: datetime


@dataclass
class Violations:
    """Violations by rule, in the order of time of their turns."""

    _by_rule: dict[str, list[Violation]] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame, since: datetime) -> None:
        """Take in violations (the fields of `Violation`) that come after those that are known, and let go of turns of before `since`."""
        for rule, known in self._by_rule.items():
            self._by_rule[rule] = known[_place(known, since) :]
        for row in rows.select(Violation._fields).iter_rows():
            one = Violation(*row)
            self._by_rule.setdefault(one.rule_id, []).append(one)

    def cases(self, rules: Sequence[str], graded: tuple[datetime, datetime], since: datetime) -> pl.DataFrame:
        """Return (columns `CASES`) what was graded within `graded`, both included, of turns since then, newest first."""
        found = [
            one for rule in rules for one in self._of(rule, since, None) if graded[0] <= one.graded_at <= graded[1]
        ]
        found.sort(key=lambda one: one.unit_id)
        found.sort(key=lambda one: (one.graded_at, one.time), reverse=True)
        rows = [(one.app, one.rule_id, one.unit_id, one.graded_at) for one in found]
        return pl.DataFrame(rows, CASES, orient="row")

    def newest(self, streams: Iterable[Stream], start: datetime, end: datetime, limit: int) -> dict[Stream, list[str]]:
        """Return of each stream the newest units of start <= time < end, at most `limit`; a stream without any is not there."""
        found: dict[Stream, list[str]] = {stream: [] for stream in streams}
        for rule, asked in Counter(rule for _, rule in found).items():
            lacking = asked
            for one in reversed([*self._of(rule, start, end)]):
                units = found.get((one.app, rule))
                if units is not None and len(units) < limit:
                    units.append(one.unit_id)
                    lacking -= len(units) == limit
                if not lacking:
                    break
        return {stream: units for stream, units in found.items() if units}

    def _of(self, rule: str, start: datetime, end: datetime | None) -> Iterator[Violation]:
        known = self._by_rule.get(rule, [])
        yield from known[_place(known, start) : None if end is None else _place(known, end)]


def _place(known: Sequence[Violation], time: datetime) -> int:
    return bisect_left(known, time, key=lambda one: one.time)
