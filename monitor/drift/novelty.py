"""What an app never had before: a model, a language, a reason to end that was not among those of its first turns.

A column `kind:NAME` of a batch says of each turn what it was. The kinds of an app's first turns are its vocabulary, which is frozen
then; of later turns the share outside it is a stream, `new:NAME`. An app of very many kinds has no vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from monitor.drift.batch import by_time
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
    columns = _columns(turns)
    apps = {app for app in turns["app"].to_list() if app is not None} if columns else set()
    growing = [c for c in columns if any(sum(known.get(_key(c, app), {}).values()) < FIRST for app in apps)]
    in_order = by_time(turns) if growing else turns
    for column in growing:
        for app, kinds in _by_app(in_order, column).items():
            _learn(after.setdefault(_key(column, app), {}), kinds)
    return after


def _by_app(turns: pl.DataFrame, column: str) -> dict[str, list[str]]:
    """The known kinds of the turns of each app."""
    found: dict[str, list[str]] = {}
    for app, kind in zip(turns["app"].to_list(), turns[column].cast(pl.String).to_list(), strict=True):
        if app is not None and kind is not None:
            found.setdefault(app, []).append(kind)
    return found


def _learn(vocabulary: Vocabulary, kinds: Sequence[str]) -> None:
    missing = max(0, FIRST - sum(vocabulary.values()))
    for kind, n in Counter(kind[:_LONGEST] for kind in kinds[:missing]).items():
        place = kind if kind in vocabulary or len(vocabulary) < MOST else ""
        vocabulary[place] = vocabulary.get(place, 0) + n


def with_news(turns: pl.DataFrame, known: Mapping[str, Vocabulary]) -> pl.DataFrame:
    """Return `turns` with a column `new:NAME` for each `kind:NAME`: 1 where the kind is new to the app, NULL where unknown.

    `known` are the vocabularies as they were before these turns: until one is full, nothing is new.
    """
    apps, added = turns["app"].to_list(), []
    for column in _columns(turns):
        full = {app: usual for app in set(apps) if (usual := _full(known.get(_key(column, app), {})))}
        kinds = zip(apps, turns[column].cast(pl.String).to_list(), strict=True)
        news = [
            float(kind[:_LONGEST] not in full[app]) if app in full and kind is not None else None for app, kind in kinds
        ]
        added.append(pl.Series(NEW + column.removeprefix(KIND), news, pl.Float64))
    return turns.hstack(added) if added else turns


def _full(vocabulary: Vocabulary) -> Vocabulary:
    """Return a vocabulary that is whole and has not too many kinds; else nothing."""
    return vocabulary if sum(vocabulary.values()) >= FIRST and "" not in vocabulary else {}


def _columns(turns: pl.DataFrame) -> list[str]:
    return [name for name in turns.columns if name.startswith(KIND)]


def _key(column: str, app: str) -> str:
    return f"{column}\x1f{app}"
