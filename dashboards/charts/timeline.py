"""The spans of a trace as bars, a Vega-Lite specification."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.charts.parts import AXIS, CONFIG, NO_GRID, Row, Spec, tip
from dashboards.text import one_line
from dashboards.theme import BAD, INK, KIND_COLOURS


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
            **NO_GRID,
            "labelExpr": "split(datum.value, '\\u0001')[1]",
            "labelAlign": "left",
            "labelPadding": 200,
            "labelLimit": 195,
            "labelColor": INK,
            "labelFlush": False,
        },
    }
    tooltip = [
        tip("name", "span", "nominal"),
        tip("kind", "kind", "nominal"),
        tip("start_ms", "starts at (ms)", "quantitative", ",.0f"),
        tip("duration_ms", "took (ms)", "quantitative", ",.0f"),
        tip("error", "error", "nominal"),
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
                "axis": {**AXIS, "format": ",.0f", "tickCount": 6, "labelExpr": "datum.label + ' ms'"},
            },
            "x2": {"field": "end_ms"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
            "opacity": {"condition": {"param": "span", "value": 1}, "value": 0.35},
            "tooltip": tooltip,
        },
        "height": 24 * len(rows) + 34,
        "config": CONFIG,
    }


def _guide(depth: int) -> str:
    """Lines instead of blanks: a chart trims blanks at the start of a label."""
    return "" if depth == 0 else "│ " * (depth - 1) + "└ "


def _kind_colour(row: Row) -> str:
    return BAD if row.get("error") else KIND_COLOURS.get(row.get("kind") or "other", KIND_COLOURS["other"])
