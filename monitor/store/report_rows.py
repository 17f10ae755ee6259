"""The numbers of the two windows of a finding: the traffic before it began, and since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.clock import naive_utc
from monitor.errors import NotFound
from monitor.model.dimensions import REPORTED
from monitor.store.opening import Store

ROWS: Final = 2_000
"""Per side; the newest before the change and the first after it."""

MEASURES: Final = (
    "t.duration_ms, t.input_tokens, t.output_tokens, t.cost_usd, (t.error_type IS NOT NULL)::INTEGER AS error, "
    "f.output_chars, f.output_words, f.output_lines, f.output_questions, f.output_markup, f.output_urls"
)


def finding_windows(store: Store, finding_id: str, before: timedelta) -> dict[str, Any]:
    """Return {"reference": {column: numbers}, "current": {...}}. Raises `NotFound` for an unknown finding."""
    found = store.read("SELECT * FROM base.findings WHERE id = ?", [finding_id]).to_pylist()
    if not found:
        raise NotFound(finding_id)
    row = found[0]
    where, params = _segment(row["app"], row["segment"])
    sides = {
        "reference": _side(store, where, params, row["since"] - before, row["since"], newest=True),
        "current": _side(store, where, params, row["since"], row["since"] + before, newest=False),
    }
    return _told(sides)


@dataclass(frozen=True)
class Stretch:
    """A stretch of the traffic of an app (None: of all), or of one segment of it, such as `release=12`; `end` excluded."""

    start: datetime
    end: datetime
    app: str | None = None
    segment: str = "all"


def chosen_windows(store: Store, reference: Stretch, current: Stretch) -> dict[str, Any]:
    """Return the numbers of two stretches that a person chose; of more rows than a report holds, some drawn evenly."""
    return _told({"reference": _drawn(store, reference), "current": _drawn(store, current)})


def _drawn(store: Store, stretch: Stretch) -> pl.DataFrame:
    where, params = _segment(stretch.app, stretch.segment) if stretch.app is not None else ("true", [])
    times = [naive_utc(stretch.start), naive_utc(stretch.end)]
    return store.frame(
        f"""SELECT {MEASURES} FROM (
                SELECT * FROM base.turns t WHERE {where} AND t.time >= ? AND t.time < ? ORDER BY hash(t.trace_id) LIMIT {ROWS}) t
            LEFT JOIN base.features f ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id ORDER BY t.time""",
        [*params, *times],
    )


def _told(sides: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    known = [
        c for c in sides["reference"].columns if all(side[c].null_count() < side.height for side in sides.values())
    ]
    return {name: side.select(known).fill_nan(None).to_dict(as_series=False) for name, side in sides.items()}


def _segment(app: str, segment: str) -> tuple[str, list[str]]:
    column, _, value = segment.partition("=")
    if column in REPORTED:
        return f"t.app = ? AND t.{column} = ?", [app, value]
    return "t.app = ?", [app]


def _side(store: Store, where: str, params: list[str], start: datetime, end: datetime, *, newest: bool) -> pl.DataFrame:
    order = "DESC" if newest else "ASC"
    return store.frame(
        f"""SELECT {MEASURES} FROM base.turns t
            LEFT JOIN base.features f ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id
            WHERE {where} AND t.time >= ? AND t.time < ? ORDER BY t.time {order} LIMIT {ROWS}""",
        [*params, start, end],
    )
