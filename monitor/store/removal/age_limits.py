"""Which rows are older than they may be kept, and which of their columns hold texts.

One rule for the store, for what comes late, and for the spool. Age is counted from the time of what happened, not of its receipt. A row exactly at a limit is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import RetentionSettings
from monitor.model.rows import KEYS

TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "spans": ("attrs", "error_message"),
    "events": ("body",),
    "scores": ("comment", "metadata"),
    "judge_calls": ("words",),
}
"""Columns that hold what somebody wrote, in tables whose rows outlive it; `content` holds nothing else and goes as rows."""


@dataclass(frozen=True)
class Held:
    """What is kept whatever its age, since somebody needs it as evidence: everything of these traces, users and sessions.

    What else is of an app than its traces follows its own limits.
    """

    traces: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()

    @property
    def subjects(self) -> dict[str, frozenset[str]]:
        """Whose traces are held, by the column that names them."""
        named = {"user_id": self.users, "session_id": self.sessions, "app": self.apps}
        return {column: ids for column, ids in named.items() if ids}

    def of(self, column: str) -> frozenset[str]:
        """Return the ids that are held in a column, of any table."""
        return {
            "trace_id": self.traces,
            "unit_id": self.traces,
            "user_id": self.users,
            "session_id": self.sessions,
        }.get(column, frozenset())

    def mask(self, rows: pl.DataFrame) -> pl.Series:
        """For each row whether it is held."""
        held = pl.Series([False] * rows.height, dtype=pl.Boolean)
        for column in ("trace_id", "user_id", "session_id"):
            if self.of(column) and column in rows.columns:
                held |= rows[column].is_in(list(self.of(column))).fill_null(value=False)
        return held


@dataclass(frozen=True)
class Limits:
    """What happened before these times (naive UTC) is not kept, unless it is `held`; None: kept for ever."""

    content: datetime | None = None
    spans: datetime | None = None
    rollups: datetime | None = None
    held: Held = Held()

    @property
    def times(self) -> dict[str, datetime | None]:
        """The three times by the name of their class."""
        return {"content": self.content, "spans": self.spans, "rollups": self.rollups}


KEEP_ALL: Final = Limits()


def limits_at(retention: RetentionSettings, now: datetime) -> Limits:
    """Return the limits of `retention` at `now`."""
    content, spans, rollups = (_before(text, now) for text in (retention.content, retention.spans, retention.rollups))
    return Limits(content, spans, rollups)


def _before(text: str | None, now: datetime) -> datetime | None:
    return None if text is None else naive_utc(now - parse_duration(text))


def within(
    tables: Mapping[str, pl.DataFrame], limits: Limits
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Return the tables as they may be kept, and the rows of each that are too old to be kept at all.

    A table whose rows lose their texts only is among the first, changed; `content` that is too old is simply not there.
    """
    kept, refused = dict(tables), {}
    for name, rows in tables.items():
        old = _older(rows, limits.spans, limits.held) if name in KEYS else None
        if old is not None and old.any():
            refused[name], kept[name] = rows.filter(old), rows.filter(~old)
        kept[name] = _without_texts(name, kept[name], limits)
    return kept, refused


def at_stake(tables: Mapping[str, pl.DataFrame], limits: Limits) -> frozenset[str]:
    """Return the traces of which a row would be refused, or lose its texts."""
    first = max((at for at in (limits.content, limits.spans) if at is not None), default=None)
    told = [rows for rows in tables.values() if {"trace_id", "time"} <= set(rows.columns)]
    olds = ((rows, _older(rows, first, limits.held)) for rows in told)
    return frozenset().union(*(rows.filter(old)["trace_id"].drop_nulls() for rows, old in olds if old is not None))


def _older(rows: pl.DataFrame, limit: datetime | None, held: Held) -> pl.Series | None:
    return None if limit is None else (rows["time"] < limit).fill_null(value=False) & ~held.mask(rows)


def _without_texts(name: str, rows: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    old = _older(rows, limits.content, limits.held) if name in TEXTS or name == "content" else None
    if old is None or not old.any():
        return rows
    if name == "content":
        return rows.filter(~old)
    present = [column for column in TEXTS[name] if column in rows.columns]
    return rows.with_columns(pl.when(~old).then(pl.col(column)).alias(column) for column in present)
