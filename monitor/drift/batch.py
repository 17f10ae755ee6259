"""A batch of turns as the streams see it: which streams it holds, and the points of each. The only polars in this room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from monitor.drift.heavy_users import HEAVY_USER
from monitor.drift.kinds import is_silent
from monitor.drift.points import Ints, Points, grouped
from monitor.drift.state import Combo
from monitor.model import dimensions
from monitor.model.dimensions import CAUSES
from monitor.stats.ranks import Floats

DIMENSIONS: Final = frozenset(["unit_id", "time", *dimensions.NAMES])
"""Columns that are not metrics."""

BLAMED: Final = (*CAUSES, HEAVY_USER)
"""Columns whose values make a composition row."""

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
    """Turns in order of time, as arrays of equal length; `segments` are the rows of each (app, segment)."""

    time: Ints
    combo: Ints
    group: Ints
    units: Sequence[str]
    combos: Sequence[Combo]
    columns: dict[str, Floats]
    segments: dict[tuple[str, str], Ints]

    def rows(self, name: Name) -> Ints:
        """Return the turns of a stream whose metric is known."""
        rows = self.segments[name.app, name.segment]
        return rows[np.isfinite(self.columns[name.metric][rows])]

    def points(self, name: Name) -> Points:
        """Return the points of a stream: one a user (else session, else turn) and hour."""
        rows = self.rows(name)
        return grouped(self.time[rows], self.columns[name.metric][rows], self.combo[rows], self.group[rows])

    @cached_property
    def counts(self) -> dict[Name, int]:
        """How many turns with a known value each stream has in this batch."""
        known = {metric: np.isfinite(values) for metric, values in self.columns.items()}
        sizes = {
            Name(metric, app, segment): int(mask[rows].sum())
            for (app, segment), rows in self.segments.items()
            for metric, mask in known.items()
            if segment == ALL or not is_silent(metric)
        }
        return {name: size for name, size in sizes.items() if size}


def user_traffic(turns: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return per app how many turns each user has, and under "" how many there are."""
    if "user_id" not in turns.columns:
        return {}
    sizes = turns.drop_nulls("app").group_by("app", "user_id").len().sort("len", "user_id", descending=True)
    counts: dict[str, dict[str, int]] = {}
    for app, user, n in sizes.iter_rows():
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
    rows = _marked(_completed(turns), heavy).drop_nulls(["time", "app"]).sort("time", "unit_id")
    metrics = [name for name, kind in rows.schema.items() if _is_metric(name, kind) and name not in ignore]
    combos = rows.select(BLAMED).unique(maintain_order=True)
    numbers = rows.join(combos.with_row_index("combo"), on=BLAMED, how="left", nulls_equal=True, maintain_order="left")
    return Batch(
        time=rows["time"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy(),
        combo=numbers["combo"].cast(pl.Int64).to_numpy(),
        group=_groups(rows),
        units=rows["unit_id"].to_list(),
        combos=combos.rows(),
        columns={name: _floats(rows[name]) for name in metrics},
        segments=_segments(rows, [name for name in segments if name in rows.columns]),
    )


def _completed(turns: pl.DataFrame) -> pl.DataFrame:
    absent = [name for name in sorted(DIMENSIONS) if name not in turns.columns]
    whole = turns.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    return whole.with_columns(pl.col(*CAUSES, "prompt_name").cast(pl.String).str.slice(0, _LONGEST))


def _speakable(user: str) -> bool:
    """Tell whether an id can stand whole in a state and in a sentence, so that erasure finds it there again."""
    return len(user) <= _LONGEST - len("user_id=") and user.isprintable() and " ".join(user.split()) == user


def _marked(rows: pl.DataFrame, heavy: Collection[tuple[str, str]]) -> pl.DataFrame:
    table = {"app": [app for app, _ in heavy], HEAVY_USER: [user for _, user in heavy]}
    marks = pl.DataFrame(table, schema=dict.fromkeys(table, pl.String)).with_columns(who=HEAVY_USER)
    named = rows.with_columns(
        pl.col("app").cast(pl.String), who=pl.format("user_id={}", pl.col("user_id").cast(pl.String))
    )
    return named.join(marks, on=["app", "who"], how="left", maintain_order="left").drop("who")


def _is_metric(name: str, kind: pl.DataType) -> bool:
    return name not in DIMENSIONS and name != HEAVY_USER and (kind.is_numeric() or kind == pl.Boolean)


def _floats(column: pl.Series) -> Floats:
    values: Floats = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values


def _groups(rows: pl.DataFrame) -> Ints:
    who = pl.coalesce("user_id", "session_id", "unit_id")
    hour = pl.col("time").cast(pl.Datetime("ms")).cast(pl.Int64) // _HOUR_MS
    groups: Ints = rows.select(pl.struct(who=who, hour=hour).rank("dense")).to_series().cast(pl.Int64).to_numpy()
    return groups


def _segments(rows: pl.DataFrame, columns: Sequence[str]) -> dict[tuple[str, str], Ints]:
    numbered = rows.with_row_index("row")
    found = {(app, ALL): part["row"].to_numpy() for (app,), part in _parts(numbered, ["app"])}
    for column in columns:
        known = numbered.filter(pl.col(column).is_not_null())
        for (app, value), part in _parts(known, ["app", column]):
            found[app, f"{column}={str(value)[:_LONGEST]}"] = part["row"].to_numpy()
    return {key: index.astype(np.int64) for key, index in found.items()}


def _parts(rows: pl.DataFrame, keys: list[str]) -> list[tuple[tuple[str, ...], pl.DataFrame]]:
    parts = rows.group_by(keys, maintain_order=True)
    return [(tuple(str(value) for value in key), part) for key, part in parts]
