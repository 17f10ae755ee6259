"""Charts over time as Vega-Lite specifications: rows in, a plain dictionary out. Nothing here draws or asks.

A gap in the data stays a gap: `broken` puts an empty row between two steps that are too far apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from statistics import median
from typing import Final

from dashboards.charts.parts import AXIS, CONFIG, PERCENT, Row, Spec, millis, time_axis, tip
from dashboards.text import one_line
from dashboards.theme import ACCENT, ACCENT_WASH, BAD, INK


def broken(rows: Sequence[Row], step: timedelta, fields: Sequence[str]) -> list[Row]:
    """Return `rows` (by `time`) with an empty row wherever more than one and a half `step` lies between two of them."""
    out: list[Row] = []
    for row in rows:
        if out and row["time"] - out[-1]["time"] > 1.5 * step:
            out.append({"time": out[-1]["time"] + step, **dict.fromkeys(fields)})
        out.append(row)
    return out


def rate_over_time(
    rows: Sequence[Row],
    step: timedelta,
    *,
    format_: str = PERCENT,
    reference: float | None = None,
    since: tuple[datetime, datetime, datetime] | None = None,
    marks: Sequence[tuple[datetime, str]] = (),
    limits: Sequence[tuple[float, str]] = (),
    height: int = 180,
) -> Spec:
    """Return a line of `value` with a band from `low` to `high` over `time`; n is in the tooltip.

    `reference` is drawn dashed; `since` is (low, best, high) of the start of a change; `marks` are moments with a name.
    `limits` are values with a name, drawn where they come near the data. Points of few answers are drawn faint.
    """
    whole = broken(rows, step, ("value", "low", "high", "n"))
    data = [{**{k: row.get(k) for k in ("value", "low", "high", "n")}, "time": millis(row["time"])} for row in whole]
    tooltip = [
        tip("time", "from (UTC)", "temporal", "%d %b %Y %H:%M"),
        tip("value", "value", "quantitative", format_),
        tip("low", "low", "quantitative", format_),
        tip("high", "high", "quantitative", format_),
        tip("n", "n", "quantitative", ",.0f"),
    ]
    x = {"field": "time", "type": "temporal", "scale": {"type": "utc"}, "axis": time_axis()}
    y = {
        "field": "value",
        "type": "quantitative",
        "axis": {**AXIS, "format": format_, "tickCount": 4},
        "scale": _ceiling(rows, limits),
    }
    layers: list[Spec] = [
        *_since(since),
        {
            "mark": {"type": "area", "color": ACCENT_WASH, "opacity": 0.75, "clip": True},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {
                "type": "line",
                "color": ACCENT,
                "strokeWidth": 2,
                "clip": True,
                "point": {"size": 18, "color": ACCENT},
            },
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
        *_reference(reference),
        *_limits(limits, _top(rows, limits)),
        *_marks(marks, beneath=1 if since else 0),
    ]
    return {"data": {"values": data}, "layer": layers, "height": height, "config": CONFIG}


NEAR: Final = 4.0
"""A limit further above the data than this many times is named beside the chart, and does not flatten it."""


def _ceiling(rows: Sequence[Row], limits: Sequence[tuple[float, str]]) -> Spec:
    """A step that has hardly begun has a huge interval; it is cut off rather than allowed to flatten all the others."""
    top = _top(rows, limits)
    return {"domainMax": 1.1 * top} if top > 0 else {}


def _top(rows: Sequence[Row], limits: Sequence[tuple[float, str]]) -> float:
    """Return the largest number that has to be seen: of steps with enough answers, and of limits near them."""
    usual = median(row.get("n") or 0 for row in rows) if rows else 0
    full = [row for row in rows if (row.get("n") or 0) >= usual / 2]
    seen = max((row[key] for row in full for key in ("high", "value") if row.get(key) is not None), default=0.0)
    return max([seen, *(limit for limit, _ in limits if limit <= NEAR * seen)])


APART: Final = 0.12
"""Limits nearer to each other than this part of the chart share its room for a name: the upper one has it."""


def _limits(limits: Sequence[tuple[float, str]], top: float) -> list[Spec]:
    near = sorted(limit for limit, _ in limits if limit <= top)
    if not near:
        return []
    named = {limit for limit, above in pairwise([*near, inf]) if above - limit >= APART * top}
    values = [
        {"limit": limit, "name": one_line(name, 60) if limit in named else ""}
        for limit, name in limits
        if limit in near
    ]
    data = {"values": values}
    y = {"field": "limit", "type": "quantitative"}
    across = {"x": {"value": 0}, "x2": {"value": "width"}}
    name = {"type": "text", "align": "left", "dx": 4, "dy": -6, "fontSize": 11, "color": INK}
    return [
        {"data": data, "mark": {"type": "rule", "color": INK, "strokeDash": [2, 3]}, "encoding": {"y": y, **across}},
        {"data": data, "mark": name, "encoding": {"y": y, "x": {"value": 0}, "text": {"field": "name"}}},
    ]


def _since(since: tuple[datetime, datetime, datetime] | None) -> list[Spec]:
    if since is None:
        return []
    low, best, high = (millis(instant) for instant in since)
    data = {"values": [{"low": low, "high": high, "time": best, "name": "change begins"}]}
    return [
        {
            "data": data,
            "mark": {"type": "rect", "color": BAD, "opacity": 0.12},
            "encoding": {"x": {"field": "low", "type": "temporal"}, "x2": {"field": "high"}},
        },
        *_marks([(since[1], "change begins")]),
    ]


def _reference(reference: float | None) -> list[Spec]:
    if reference is None:
        return []
    y = {"field": "reference", "type": "quantitative"}
    return [
        {
            "data": {"values": [{"reference": reference, "name": "reference"}]},
            "mark": {"type": "rule", "color": INK, "strokeDash": [5, 4], "opacity": 0.65},
            "encoding": {"y": y, "x": {"value": 0}, "x2": {"value": "width"}},
        }
    ]


LINES: Final = 4
"""Lines of names that stand under each other, so that moments near each other can be read."""


def _marks(marks: Sequence[tuple[datetime, str]], beneath: int = 0) -> list[Spec]:
    """Return a rule and a name for each moment; names begin `beneath` so many lines that are taken."""
    values = [{"time": millis(at), "name": one_line(name, 60)} for at, name in sorted(marks)]
    lines = [values[first::LINES] for first in range(LINES)]
    return [spec for line, some in enumerate(lines) if some for spec in _named(some, 2 + 13 * (line + beneath))]


def _named(values: Sequence[Row], y: int) -> list[Spec]:
    data = {"values": list(values)}
    x = {"field": "time", "type": "temporal"}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "color": BAD, "strokeWidth": 1.5},
            "encoding": {
                "x": x,
                "tooltip": [tip("name", "what", "nominal"), tip("time", "when (UTC)", "temporal", "%d %b %Y %H:%M")],
            },
        },
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "dx": 5, "baseline": "top", "color": BAD, "fontSize": 11},
            "encoding": {"x": x, "y": {"value": y}, "text": {"field": "name"}},
        },
    ]


def bars_over_time(
    rows: Sequence[Row], field: str, step: timedelta, *, colour: str = ACCENT, format_: str = ",.0f"
) -> Spec:
    """Return bars of `field` per step of time; a step without a row has no bar."""
    data = [
        {"time": millis(row["time"]), "end": millis(row["time"] + step), field: row[field]}
        for row in rows
        if row[field] is not None
    ]
    tooltip = [tip("time", "from (UTC)", "temporal", "%d %b %Y %H:%M"), tip(field, field, "quantitative", format_)]
    return {
        "data": {"values": data},
        "mark": {"type": "bar", "color": colour, "opacity": 0.8, "binSpacing": 0.5},
        "encoding": {
            "x": {
                "field": "time",
                "type": "temporal",
                "scale": {"type": "utc"},
                "axis": time_axis(4),
                "bin": {"binned": True},
            },
            "x2": {"field": "end"},
            "y": {
                "field": field,
                "type": "quantitative",
                "scale": {}
                if any(row[field] for row in data)
                else {"domain": [0, 1]},  # of nothing but zeros no axis can be made
                "axis": {**AXIS, "tickCount": 3, "format": "~s" if format_ == ",.0f" else format_},
            },
            "tooltip": tooltip,
        },
        "height": 110,
        "config": CONFIG,
    }


def lines_over_time(rows: Sequence[Row], fields: dict[str, str], step: timedelta, *, format_: str) -> Spec:
    """Return one thin line per field (field -> its name), broken at gaps."""
    names = list(fields)
    data = [
        {"time": millis(row["time"]), "name": fields[name], "value": row.get(name)}
        for name in names
        for row in broken(rows, step, names)
    ]
    return {
        "data": {"values": data},
        "mark": {"type": "line", "strokeWidth": 1.6, "point": len(rows) < 3},
        "encoding": {
            "x": {"field": "time", "type": "temporal", "scale": {"type": "utc"}, "axis": time_axis(4)},
            "y": {
                "field": "value",
                "type": "quantitative",
                "axis": {**AXIS, "tickCount": 3, "format": format_},
                "scale": {"zero": True},
            },
            "color": {
                "field": "name",
                "type": "nominal",
                "scale": {"domain": list(fields.values()), "range": [ACCENT, "#8fb3cc"]},
                "legend": None,
            },
            "tooltip": [
                tip("time", "from (UTC)", "temporal", "%d %b %Y %H:%M"),
                tip("name", "what", "nominal"),
                tip("value", "value", "quantitative", format_),
            ],
        },
        "height": 110,
        "config": CONFIG,
    }
