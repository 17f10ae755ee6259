"""A forest plot as a Vega-Lite specification: several values with their intervals under each other."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.charts.parts import AXIS, CONFIG, NO_GRID, PERCENT, Row, Spec, tip
from dashboards.text import one_line
from dashboards.theme import ACCENT, BAD, GOOD, INK


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
        "axis": {**NO_GRID, "labelLimit": 260, "labelColor": INK, "labelFlush": False},
        "scale": {"domain": names},
    }
    x = {"field": "low", "type": "quantitative", "axis": {**AXIS, "format": format_, "tickCount": 5}}
    colour = {
        "field": "tone",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["bad", "good", "calm"], "range": [BAD, GOOD, ACCENT]},
    }
    tooltip = [
        tip("name", "what", "nominal"),
        *(tip(key, key, "quantitative", format_) for key in ("value", "low", "high")),
        tip("n", "n", "quantitative", ",.0f"),
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
        "config": CONFIG,
    }


def difference(row: Row, reach: float, tone: str) -> Spec:
    """Return one line of a forest table: `effect` as a dot, `low` to `high` as a line, "no difference" in the middle.

    The axis reaches `reach` either side and has no labels: the numbers stand beside it.
    """
    scale = {"domain": [-reach, reach], "nice": False}
    x = {"type": "quantitative", "scale": scale, "axis": None}
    colour = {"bad": BAD, "good": GOOD}.get(tone, ACCENT)
    data = [{"low": row["low"], "high": row["high"], "effect": row["effect"], "zero": 0}]
    return {
        "data": {"values": data},
        "layer": [
            {
                "mark": {"type": "rule", "color": INK, "strokeDash": [3, 3], "opacity": 0.5},
                "encoding": {"x": {**x, "field": "zero"}, "y": {"value": 0}, "y2": {"value": "height"}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.55, "color": colour},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": {"value": 14}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "color": colour},
                "encoding": {"x": {**x, "field": "effect"}, "y": {"value": 14}},
            },
        ],
        "height": 28,
        "config": CONFIG,
    }
