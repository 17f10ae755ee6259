"""Charts as Vega-Lite specifications: rows in, a plain dictionary out. Nothing here draws or asks.

A gap in the data stays a gap: `broken` puts an empty row between two steps that are too far apart. Time axes are UTC.
Vega-Lite 5: https://vega.github.io/vega-lite/docs/.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from dashboards.numbers import utc
from dashboards.text import one_line
from dashboards.theme import ACCENT, ACCENT_WASH, BAD, GOOD, INK, KIND_COLOURS, LINE, MUTED

Spec = dict[str, Any]
Row = dict[str, Any]

_AXIS: Final = {"grid": True, "gridColor": LINE, "domain": False, "ticks": False, "labelColor": MUTED, "title": None}
_NO_GRID: Final = {**_AXIS, "grid": False}
_CONFIG: Final = {
    "view": {"stroke": None},
    "background": "transparent",
    "padding": {"left": 0, "right": 4, "top": 4, "bottom": 0},
}
PERCENT: Final = ".1%"


def millis(instant: datetime | str) -> int:
    """Return an instant as milliseconds since 1970, which no browser misreads as local time."""
    return int(utc(instant).timestamp() * 1000)


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
    height: int = 180,
) -> Spec:
    """Return a line of `value` with a band from `low` to `high` over `time`; n is in the tooltip.

    `reference` is drawn dashed; `since` is (low, best, high) of the start of a change; `marks` are moments with a name.
    """
    whole = broken(rows, step, ("value", "low", "high", "n"))
    data = [{**{k: row.get(k) for k in ("value", "low", "high", "n")}, "time": millis(row["time"])} for row in whole]
    tooltip = [
        _tip("time", "from (UTC)", "temporal", "%d %b %Y %H:%M"),
        _tip("value", "value", "quantitative", format_),
        _tip("low", "low", "quantitative", format_),
        _tip("high", "high", "quantitative", format_),
        _tip("n", "n", "quantitative", ",.0f"),
    ]
    x = {"field": "time", "type": "temporal", "scale": {"type": "utc"}, "axis": _time_axis()}
    y = {
        "field": "value",
        "type": "quantitative",
        "axis": {**_AXIS, "format": format_, "tickCount": 4},
        "scale": _ceiling(rows),
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
        *_marks(marks),
    ]
    return {"data": {"values": data}, "layer": layers, "height": height, "config": _CONFIG}


def _ceiling(rows: Sequence[Row]) -> Spec:
    """A step that has hardly begun has a huge interval; it is cut off rather than allowed to flatten all the others."""
    usual = median(row.get("n") or 0 for row in rows) if rows else 0
    highs = [row["high"] for row in rows if row.get("high") is not None and (row.get("n") or 0) >= usual / 2]
    values = [row["value"] for row in rows if row.get("value") is not None]
    return {"domainMax": 1.1 * max([*highs, *values])} if highs and max([*highs, *values]) > 0 else {}


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


def _marks(marks: Sequence[tuple[datetime, str]]) -> list[Spec]:
    if not marks:
        return []
    data = {"values": [{"time": millis(at), "name": one_line(name, 60)} for at, name in marks]}
    x = {"field": "time", "type": "temporal"}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "color": BAD, "strokeWidth": 1.5},
            "encoding": {
                "x": x,
                "tooltip": [_tip("name", "what", "nominal"), _tip("time", "when (UTC)", "temporal", "%d %b %Y %H:%M")],
            },
        },
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "dx": 5, "baseline": "top", "color": BAD, "fontSize": 11},
            "encoding": {"x": x, "y": {"value": 2}, "text": {"field": "name"}},
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
    tooltip = [_tip("time", "from (UTC)", "temporal", "%d %b %Y %H:%M"), _tip(field, field, "quantitative", format_)]
    return {
        "data": {"values": data},
        "mark": {"type": "bar", "color": colour, "opacity": 0.8, "binSpacing": 0.5},
        "encoding": {
            "x": {
                "field": "time",
                "type": "temporal",
                "scale": {"type": "utc"},
                "axis": _time_axis(4),
                "bin": {"binned": True},
            },
            "x2": {"field": "end"},
            "y": {
                "field": field,
                "type": "quantitative",
                "axis": {**_AXIS, "tickCount": 3, "format": "~s" if format_ == ",.0f" else format_},
            },
            "tooltip": tooltip,
        },
        "height": 110,
        "config": _CONFIG,
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
            "x": {"field": "time", "type": "temporal", "scale": {"type": "utc"}, "axis": _time_axis(4)},
            "y": {
                "field": "value",
                "type": "quantitative",
                "axis": {**_AXIS, "tickCount": 3, "format": format_},
                "scale": {"zero": True},
            },
            "color": {
                "field": "name",
                "type": "nominal",
                "scale": {"domain": list(fields.values()), "range": [ACCENT, "#8fb3cc"]},
                "legend": None,
            },
            "tooltip": [
                _tip("time", "from (UTC)", "temporal", "%d %b %Y %H:%M"),
                _tip("name", "what", "nominal"),
                _tip("value", "value", "quantitative", format_),
            ],
        },
        "height": 110,
        "config": _CONFIG,
    }


def intervals(rows: Sequence[Row], *, format_: str = PERCENT, zero: bool = False, row_height: int = 30) -> Spec:
    """Return a forest plot: per row its `name`, a dot at `value`, a line from `low` to `high`, coloured by `tone`.

    Rows without a value keep their name and stay empty. With `zero` a line marks "no difference".
    """
    data = [{**row, "name": one_line(row["name"], 60)} for row in rows]
    names = list(dict.fromkeys(row["name"] for row in data))
    y = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "axis": {**_NO_GRID, "labelLimit": 260, "labelColor": INK, "labelFlush": False},
        "scale": {"domain": names},
    }
    x = {"field": "low", "type": "quantitative", "axis": {**_AXIS, "format": format_, "tickCount": 5}}
    colour = {
        "field": "tone",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["bad", "good", "calm"], "range": [BAD, GOOD, ACCENT]},
    }
    tooltip = [
        _tip("name", "what", "nominal"),
        *(_tip(key, key, "quantitative", format_) for key in ("value", "low", "high")),
        _tip("n", "n", "quantitative", ",.0f"),
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.45},
            "encoding": {"y": y, "x": x, "x2": {"field": "high"}, "color": colour, "tooltip": tooltip},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"y": y, "x": {**x, "field": "value"}, "color": colour, "tooltip": tooltip},
        },
    ]
    if zero:
        layers.insert(
            0,
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "color": INK, "strokeDash": [4, 4], "opacity": 0.5},
                "encoding": {
                    "x": {"field": "zero", "type": "quantitative"},
                    "y": {"value": 0},
                    "y2": {"value": "height"},
                },
            },
        )
    return {
        "data": {"values": data},
        "layer": layers,
        "height": max(1, len(names)) * row_height + 36,
        "config": _CONFIG,
    }


def timeline(rows: Sequence[Row]) -> Spec:
    """Return a trace as bars: rows in tree order with `name`, `depth`, `kind`, `start_ms`, `end_ms`, `error`, `span_id`.

    Clicking a bar selects its `span_id` under the name "span".
    """
    places = [
        f"{number:05d}\x01{_guide(row['depth'])}{one_line(row['name'], 30) or ''}" for number, row in enumerate(rows)
    ]
    data = [
        {**row, "name": one_line(row["name"], 60) or "", "place": place, "colour": _kind_colour(row)}
        for row, place in zip(rows, places, strict=True)
    ]
    y = {
        "field": "place",
        "type": "nominal",
        "sort": places,
        "scale": {"domain": places},
        "axis": {
            **_NO_GRID,
            "labelExpr": "split(datum.value, '\\u0001')[1]",
            "labelAlign": "left",
            "labelPadding": 200,
            "labelLimit": 195,
            "labelColor": INK,
            "labelFlush": False,
        },
    }
    tooltip = [
        _tip("name", "span", "nominal"),
        _tip("kind", "kind", "nominal"),
        _tip("start_ms", "starts at (ms)", "quantitative", ",.0f"),
        _tip("duration_ms", "took (ms)", "quantitative", ",.0f"),
        _tip("error", "error", "nominal"),
    ]
    return {
        "data": {"values": data},
        "params": [{"name": "span", "select": {"type": "point", "fields": ["span_id"], "on": "click"}}],
        "mark": {"type": "bar", "height": 13, "cornerRadius": 2, "cursor": "pointer", "minBandSize": 2},
        "encoding": {
            "y": y,
            "x": {
                "field": "start_ms",
                "type": "quantitative",
                "axis": {**_AXIS, "format": ",.0f", "tickCount": 6, "labelExpr": "datum.label + ' ms'"},
            },
            "x2": {"field": "end_ms"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
            "opacity": {"condition": {"param": "span", "value": 1}, "value": 0.35},
            "tooltip": tooltip,
        },
        "height": 24 * len(rows) + 34,
        "config": _CONFIG,
    }


def _guide(depth: int) -> str:
    """Lines instead of blanks: a chart trims blanks at the start of a label."""
    return "" if depth == 0 else "│ " * (depth - 1) + "└ "


def _kind_colour(row: Row) -> str:
    return BAD if row.get("error") else KIND_COLOURS.get(row.get("kind") or "other", KIND_COLOURS["other"])


def _time_axis(ticks: int = 7) -> Spec:
    return {**_NO_GRID, "tickCount": ticks, "labelOverlap": True, "labelFlush": True}


def _tip(field: str, title: str, kind: str, format_: str | None = None) -> Spec:
    tip = {"field": field, "title": title, "type": kind}
    if kind == "temporal":
        return tip | {"format": format_, "scale": {"type": "utc"}, "timeUnit": "utcyearmonthdatehoursminutes"}
    return tip | ({"format": format_} if format_ else {})
