"""What every chart is made of: axes, tooltips, instants. Time axes are UTC.

Vega-Lite 5: https://vega.github.io/vega-lite/docs/.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from dashboards.numbers import utc
from dashboards.theme import LINE, MUTED

Spec = dict[str, Any]
Row = dict[str, Any]

AXIS: Final = {"grid": True, "gridColor": LINE, "domain": False, "ticks": False, "labelColor": MUTED, "title": None}
NO_GRID: Final = {**AXIS, "grid": False}
CONFIG: Final = {
    "view": {"stroke": None},
    "background": "transparent",
    "padding": {"left": 0, "right": 4, "top": 4, "bottom": 0},
}
PERCENT: Final = ".1%"


def millis(instant: datetime | str) -> int:
    """Return an instant as milliseconds since 1970, which no browser misreads as local time."""
    return int(utc(instant).timestamp() * 1000)


def time_axis(ticks: int = 7) -> Spec:
    return {**NO_GRID, "tickCount": ticks, "labelOverlap": True, "labelFlush": True}


def tip(field: str, title: str, kind: str, format_: str | None = None) -> Spec:
    tip = {"field": field, "title": title, "type": kind}
    if kind == "temporal":
        return tip | {"format": format_, "scale": {"type": "utc"}, "timeUnit": "utcyearmonthdatehoursminutes"}
    return tip | ({"format": format_} if format_ else {})
