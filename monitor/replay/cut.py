"""What was said between two times, cut out of a stretch of which it is known already what was said by app and rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from monitor.rule_verdicts import Said
from monitor.verdict_columns import Told, Words, cluster_numbers


@dataclass(frozen=True)
class Cut(Told):
    """Some of the turns of a `Told`, and what was said of them by app: equal to what is told of them alone."""

    known: Mapping[str | None, Words] = field(default_factory=dict)

    @cached_property
    def by_app(self) -> Mapping[str | None, Words]:
        """See `Told`."""
        return self.known


def cut(told: Told, start: datetime, end: datetime) -> Cut:
    """Return what was said of the turns of `told`, which are in the order of time, with start <= time < end."""
    words = ((app, _cut(words, start, end)) for app, words in told.by_app.items())
    known = {app: part for app, part in words if part.turns.height}
    return Cut(between(told.turns, "time", start, end), told.labels, known=known)


def between(rows: pl.DataFrame, column: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Return those of `rows`, which stand in the order of a `column` of times, with start <= time < end."""
    here = _rows(rows, column, start, end)
    return rows.slice(here.start, here.stop - here.start)


def _rows(rows: pl.DataFrame, column: str, start: datetime, end: datetime) -> slice:
    bounds = [np.datetime64(start, "us"), np.datetime64(end, "us")]
    low, high = np.searchsorted(rows[column].to_numpy(), bounds).tolist()
    return slice(low, max(low, high))


def _cut(words: Words, start: datetime, end: datetime) -> Words:
    here = _rows(words.turns, "time", start, end)
    turns = words.turns.slice(here.start, here.stop - here.start)
    cluster = cluster_numbers(turns)
    parts: dict[bytes, Said | None] = {}  # of most rules the same was said all along
    for of_rule in words.by_rule.values():
        if of_rule.content not in parts:
            parts[of_rule.content] = of_rule.cut(here, cluster)
    said = ((rule, parts[of_rule.content]) for rule, of_rule in words.by_rule.items())
    return Words(turns, {rule: part for rule, part in said if part is not None})
