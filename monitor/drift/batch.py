"""A batch of turns as the streams see it: which streams it holds, and the points of each. The only polars in this room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from monitor.drift.heavy_users import HEAVY_USER
from monitor.drift.kinds import TEXT, is_silent
from monitor.drift.points import Grouping, Ints, Points, grouping
from monitor.drift.state import Combo
from monitor.model import dimensions
from monitor.model.dimensions import CAUSES
from monitor.stats.ranks import Floats

DIMENSIONS: Final = frozenset(["unit_id", "time", *dimensions.NAMES])
"""Columns that are not metrics."""

ALL: Final = "all"
_LONGEST: Final = 80
"""Names from traces are cut here: a state must not grow with what somebody writes into an attribute."""

_HOUR_MS: Final = 3_600_000


class Name(NamedTuple):
    """What identifies a stream. `segment` is "all" or "column=value"."""

    metric: str
    app: str
    segment: str


@dataclass(frozen=True)
class Batch:
    """Turns in order of time, as arrays of equal length; `segments` are the rows of each (app, segment), `texts` what was said."""

    time: Ints
    combo: Ints
    group: Ints
    units: Sequence[str]
    combos: Sequence[Combo]
    columns: dict[str, Floats]
    segments: dict[tuple[str, str], Ints]
    texts: dict[str, Sequence[str | None]] = field(default_factory=dict)
    _groupings: dict[tuple[str, str, bytes], Grouping] = field(default_factory=dict)

    def rows(self, name: Name) -> Ints:
        """Return the turns of a stream whose metric is known."""
        rows = self.segments[name.app, name.segment]
        return rows[np.isfinite(self.columns[name.metric][rows])]

    def points(self, name: Name) -> Points:
        """Return the points of a stream: one a user (else session, else turn) and hour."""
        rows = self.rows(name)
        same = (name.app, name.segment, rows.tobytes())
        if same not in self._groupings:
            self._groupings[same] = grouping(self.time, self.combo, self.group, rows)
        return self._groupings[same].points(self.columns[name.metric])

    @cached_property
    def counts(self) -> dict[Name, int]:
        """How many turns with a known value each stream has in this batch."""
        if not self.columns:
            return {}
        known = np.isfinite(np.stack(list(self.columns.values())))
        sizes = {
            Name(metric, app, segment): size
            for (app, segment), rows in self.segments.items()
            for metric, size in zip(self.columns, known[:, rows].sum(axis=1).tolist(), strict=True)
            if segment == ALL or not is_silent(metric)
        }
        return {name: size for name, size in sizes.items() if size}


def user_traffic(turns: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return per app how many turns each user has, and under "" how many there are."""
    if "user_id" not in turns.columns:
        return {}
    sizes = Counter(zip(turns["app"].to_list(), turns["user_id"].to_list(), strict=True))
    counts: dict[str, dict[str, int]] = {}
    for (app, user), n in sorted(sizes.items(), key=lambda pair: (pair[1], pair[0][1] or ""), reverse=True):
        if app is None:
            continue
        of_app = counts.setdefault(app, {"": 0})
        of_app[""] += n
        if user and _speakable(user):
            of_app[f"user_id={user}"] = n
    return counts


def read_batch(
    turns: pl.DataFrame, segments: Sequence[str], ignore: Sequence[str], heavy: Collection[tuple[str, str]] = ()
) -> Batch:
    """Return `turns` as a batch. Turns without an app or a time belong to no stream; NaN and infinity are unknown.

    `heavy` are pairs of app and `user_id=NAME` whose turns are marked as theirs.
    """
    known = turns["time"].null_count() == turns["app"].null_count() == 0
    rows = by_time(turns if known else turns.drop_nulls(["time", "app"]))
    metrics = [name for name, kind in rows.schema.items() if _is_metric(name, kind) and name not in ignore]
    apps, time = _texts(rows, "app"), rows["time"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
    numbers, combos = _numbered(zip(*(_shown(rows, name) for name in CAUSES), _heavy(rows, apps, heavy), strict=True))
    who = (user or session or unit for user, session, unit in _whose(rows))
    return Batch(
        time=time,
        combo=numbers,
        group=_numbered(zip(who, (time // _HOUR_MS).tolist(), strict=True))[0],
        units=rows["unit_id"].to_list(),
        combos=combos,
        columns={name: _floats(rows[name]) for name in metrics},
        segments=_segments(rows, apps, [name for name in segments if name in rows.columns]),
        texts={n: rows[n].to_list() for n in rows.columns if n.startswith(TEXT) and n not in ignore},
    )


def by_time(turns: pl.DataFrame) -> pl.DataFrame:
    """Return `turns` in the order of time, of one time in that of their ids; a few mostly come so."""
    times = turns["time"]
    return turns if times.is_sorted() and times.n_unique() == len(times) else turns.sort("time", "unit_id")


def _texts(rows: pl.DataFrame, name: str) -> list[Any]:
    """The values of a column as texts; of one that is not there, nothing but NULL."""
    return rows[name].cast(pl.String).to_list() if name in rows.columns else [None] * rows.height


def _shown(rows: pl.DataFrame, name: str) -> list[str | None]:
    return [value if value is None else value[:_LONGEST] for value in _texts(rows, name)]


def _heavy(rows: pl.DataFrame, apps: Sequence[str], heavy: Collection[tuple[str, str]]) -> list[str | None]:
    """Of each turn the heavy user whose it is."""
    if not heavy:
        return [None] * rows.height
    named = (f"user_id={user}" for user in _texts(rows, "user_id"))
    return [user if (app, user) in heavy else None for app, user in zip(apps, named, strict=True)]


def _numbered(values: Iterable[Any]) -> tuple[Ints, list[Any]]:
    """Number values in the order in which they first come; return the number of each, and what is numbered."""
    known: dict[Any, int] = {}
    numbers = np.asarray([known.setdefault(value, len(known)) for value in values], dtype=np.int64)
    return numbers, list(known)


def _whose(rows: pl.DataFrame) -> Iterator[tuple[str | None, ...]]:
    return zip(*(_texts(rows, name) for name in ("user_id", "session_id", "unit_id")), strict=True)


def _speakable(user: str) -> bool:
    """Tell whether an id can stand whole in a state and in a sentence, so that erasure finds it there again."""
    return len(user) <= _LONGEST - len("user_id=") and user.isprintable() and " ".join(user.split()) == user


def _is_metric(name: str, kind: pl.DataType) -> bool:
    return name not in DIMENSIONS and name != HEAVY_USER and (kind.is_numeric() or kind == pl.Boolean)


def _floats(column: pl.Series) -> Floats:
    values: Floats = column.cast(pl.Float64).to_numpy()  # NULL is NaN
    return values


def _segments(rows: pl.DataFrame, apps: Sequence[str], columns: Sequence[str]) -> dict[tuple[str, str], Ints]:
    found: dict[tuple[str, str], list[int]] = {}
    for row, app in enumerate(apps):
        found.setdefault((app, ALL), []).append(row)
    for column in columns:
        for row, (app, value) in enumerate(zip(apps, _texts(rows, column), strict=True)):
            if value is not None:
                found.setdefault((app, f"{column}={value[:_LONGEST]}"), []).append(row)
    return {key: np.asarray(index, dtype=np.int64) for key, index in found.items()}
