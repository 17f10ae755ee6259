"""Answers that hold while nothing is written: a look at the alerts asks the same a dozen times, and mostly nothing has happened.

SQLite tells of writes: `total_changes` counts those of a connection, `data_version` changes with those of all others. Answers are kept with
the connection and let go of when it rolls back. Not for tables that grow with traffic, nor for long ones: what was answered is held in
memory, and copied for whoever asks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from sqlalchemy import Connection

Row = dict[str, Any]
P = ParamSpec("P")

MOST: Final = 200
"""Answers that a connection keeps."""

_KEPT: Final = "answers"


@dataclass(frozen=True)
class _Answers:
    """What was read since the last write, by question."""

    written: tuple[int, int]
    rows: dict[tuple[Any, ...], list[Row]] = field(default_factory=dict)


def while_unchanged(
    read: Callable[Concatenate[Connection, P], list[Row]],
) -> Callable[Concatenate[Connection, P], list[Row]]:
    """Let `read`, whose parameters can be hashed, be asked of the tables only after something was written; each caller has rows of its own."""

    @wraps(read)
    def answered(txn: Connection, /, *args: P.args, **kwargs: P.kwargs) -> list[Row]:
        known = _known(txn)
        key = (read.__module__, read.__qualname__, *args, *sorted(kwargs.items()))
        if key not in known:
            if len(known) >= MOST:
                known.clear()
            known[key] = read(txn, *args, **kwargs)
        return [dict(row) for row in known[key]]

    return answered


def forget(txn: Connection) -> None:
    """Let go of all answers: what was written since they were read is undone."""
    txn.info.pop(_KEPT, None)


def _known(txn: Connection) -> dict[tuple[Any, ...], list[Row]]:
    raw = txn.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        return {}
    written = (int(raw.execute("PRAGMA data_version").fetchone()[0]), raw.total_changes)
    kept = txn.info.get(_KEPT)
    if kept is None or kept.written != written:
        txn.info[_KEPT] = kept = _Answers(written)
    rows: dict[tuple[Any, ...], list[Row]] = kept.rows
    return rows
