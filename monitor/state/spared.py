"""Rows that are spared: a condition over any number of ids, which SQLite would not take as parameters one by one."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, func, select


def not_among(column: Any, ids: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that `column` is none of `ids`."""
    listed = func.json_each(json.dumps(sorted(ids))).table_valued("value")
    told: ColumnElement[bool] = column.not_in(select(listed.c.value))
    return told
