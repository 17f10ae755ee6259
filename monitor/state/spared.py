"""Rows that are meant, and rows that are spared: conditions over any number of ids, which SQLite would not take as parameters one by one."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select


def among(column: Any, ids: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `ids`."""
    told: ColumnElement[bool] = column.in_(_each(ids))
    return told


def not_among(column: Any, ids: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that `column` is none of `ids`."""
    told: ColumnElement[bool] = column.not_in(_each(ids))
    return told


def _each(ids: Collection[str]) -> Select[Any]:
    return select(func.json_each(json.dumps(sorted(ids))).table_valued("value").c.value)
