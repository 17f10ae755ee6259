"""What an app never had before: a model, a language, a reason to end that was not among those of its first turns.

A column `kind:NAME` of a batch says of each turn what it was. The kinds of an app's first turns are its vocabulary, which is frozen
then; of later turns the share outside it is a stream, `new:NAME`. An app of very many kinds has no vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import polars as pl

from monitor.drift.kinds import NEW

KIND: Final = "kind:"
"""What the name of a column begins with whose values are kinds of turns."""

FIRST: Final = 250
"""Turns of an app, of a kind that is known, whose kinds are its vocabulary."""

MOST: Final = 40
"""Kinds of an app beyond which a new one is no news."""

_LONGEST: Final = 80

Vocabulary = dict[str, int]
"""How often each kind was seen among the first turns."""


def learnt(known: Mapping[str, Vocabulary], turns: pl.DataFrame) -> dict[str, Vocabulary]:
    """Return the vocabularies, by column and app, after `turns`, which are in order of time."""
    after = {key: dict(counts) for key, counts in known.items()}
    for column, app, values in _by_app(turns):
        vocabulary = after.setdefault(_key(column, app), {})
        missing = FIRST - sum(vocabulary.values())
        fresh = Counter(value[:_LONGEST] for value in values.head(max(0, missing)))
        for value, n in fresh.items():
            place = value if value in vocabulary or len(vocabulary) < MOST else ""
            vocabulary[place] = vocabulary.get(place, 0) + n
    return after


def with_news(turns: pl.DataFrame, known: Mapping[str, Vocabulary]) -> pl.DataFrame:
    """Return `turns` with a column `new:NAME` for each `kind:NAME`: 1 where the kind is new to the app, NULL where unknown.

    `known` are the vocabularies as they were before these turns: until one is full, nothing is new.
    """
    for column in _columns(turns):
        full = {
            app: vocabulary
            for app in turns["app"].drop_nulls().unique()
            if sum((vocabulary := known.get(_key(column, app), {})).values()) >= FIRST and "" not in vocabulary
        }
        usual = [f"{app}\x1f{value}" for app, vocabulary in full.items() for value in vocabulary]
        kind = pl.concat_str([pl.col("app"), pl.lit("\x1f"), pl.col(column).str.slice(0, _LONGEST)])
        judged = pl.col("app").is_in(list(full)) & pl.col(column).is_not_null()
        news = pl.when(judged).then(~kind.is_in(usual)).cast(pl.Float64)
        turns = turns.with_columns(news.alias(NEW + column.removeprefix(KIND)))
    return turns


def _columns(turns: pl.DataFrame) -> list[str]:
    return [name for name in turns.columns if name.startswith(KIND)]


def _by_app(turns: pl.DataFrame) -> list[tuple[str, str, pl.Series]]:
    return [
        (column, str(app), part[column])
        for column in _columns(turns)
        for (app,), part in turns.drop_nulls(["app", column])
        .sort("time", "unit_id")
        .group_by("app", maintain_order=True)
    ]


def _key(column: str, app: str) -> str:
    return f"{column}\x1f{app}"
