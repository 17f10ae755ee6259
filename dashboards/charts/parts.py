"""What every chart is made of: scales, axes, places that say something under the pointer, and the frame around them.

Places are shares of the width, so that a chart fits any screen. Time axes are UTC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any, Final

from dashboards.markup import Html, words
from dashboards.theme import LINE

Row = dict[str, Any]
Says = Callable[[float], str]
"""How a value is written on an axis and under the pointer."""

INSET: Final = 4
"""Pixels above and below a drawing, for points that stand on its edge."""


@dataclass(frozen=True)
class Values:
    """A vertical axis from `low` to `high` over `height` pixels; what lies outside is cut off."""

    low: float
    high: float
    height: int

    def y(self, value: float) -> float:
        """Return how many pixels below the upper edge a value stands."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.height - INSET - share * (self.height - 2 * INSET), 1)

    def grid(self, ticks: Sequence[float], says: Says) -> tuple[str, str]:
        """Return the lines of those of `ticks` that lie on the axis, and what they are called."""
        at = [value for value in ticks if self.low <= value <= self.high]
        lines = "".join(across(self.y(value), LINE) for value in at)
        return lines, "".join(f'<b style="top:{self.y(value)}px">{words(says(value))}</b>' for value in at)


def with_bounds(row: Row, says: Says) -> str:
    """Return what a row says of its `value`, and between what it lies (`low`, `high`), where that is known."""
    if row.get("value") is None:
        return "not known"
    known = row.get("low") is not None and row.get("high") is not None
    return f"{says(row['value'])} ({says(row['low'])} to {says(row['high'])})" if known else says(row["value"])


def across(y: float, colour: str, dashes: str = "") -> str:
    """Return a line from side to side."""
    how = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="0" x2="100%" y1="{y}" y2="{y}" stroke="{colour}"{how}/>'


def rounded(low: float, high: float, ticks: int) -> list[float]:
    """Return about `ticks` round values that hold `low` and `high` between them.

    >>> rounded(0, 0.17, 4)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    """
    if not (high > low and math.isfinite(high - low) and high - low > LEAST):
        return [low]
    raw = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 5, 10, 20) if power * nice >= raw * 0.8)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


LEAST: Final = 1e-300
"""What is nearer to each other than this is one value."""


def named_apart(low: float, high: float, ticks: int, says: Says) -> list[float]:
    """Return about `ticks` round values, fewer where two of them would be called the same.

    >>> named_apart(0, 1, 3, lambda value: f"{value:.0f}")
    [0.0, 1.0]
    """
    tried = (rounded(low, high, number) for number in range(ticks, 0, -1))
    apart = (at for at in tried if len({says(value) for value in at}) == len(at))
    return next(apart, [low])


@dataclass(frozen=True)
class Times:
    """A horizontal axis from `first` to `last`, both UTC."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, instants: Iterable[datetime]) -> Times:
        """Return the axis that holds `instants`; of none of them, a day that nothing stands on."""
        known = [*instants] or [datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)]
        return cls(min(known), max(known))

    def x(self, instant: datetime) -> float:
        """Return how far to the right an instant stands, in percent; the middle where there is but one."""
        whole = self.last - self.first
        return round(100 * ((instant - self.first) / whole), 2) if whole else 50.0

    def labels(self, ticks: int) -> str:
        """Return the names of at most `ticks` round moments, which stand below the chart."""
        return "".join(
            f'<i style="left:{self.x(at)}%{_shift(self.x(at))}">{at:{form}}{zone}</i>'
            for (at, form), zone in zip(self._round(ticks), chain([" UTC"], repeat("")), strict=False)
        )

    def _round(self, ticks: int) -> Iterator[tuple[datetime, str]]:
        whole = self.last - self.first
        if not whole:
            yield self.first, "%-d %b %H:%M"
            return
        step = next((step for step in STEPS if whole / step <= ticks), STEPS[-1])
        day = "%b %Y" if whole > timedelta(days=500) else "%-d %b"
        at = EPOCH + -(-(self.first - EPOCH) // step) * step
        while at <= self.last:
            yield at, day if step >= DAY or at.time() == at.min.time() else "%H:%M"
            at += step


DAY: Final = timedelta(days=1)
EPOCH: Final = datetime(1970, 1, 5, tzinfo=UTC)
"""A Monday: weeks begin with it."""

STEPS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 5760, *(10080 * 2**power for power in range(10)))
)

EDGE: Final = 6.0
"""Percent of the width within which a name stands beside its place, not under it."""


def _shift(x: float) -> str:
    if x < EDGE:
        return ";transform:none"
    return ";transform:translateX(-100%)" if x > 100 - EDGE else ""


def hit(left: float, right: float, told: Sequence[str]) -> str:
    """Return a place of the chart, in percent and cut at its edges, that says `told` under the pointer, a line each."""
    said = "&#10;".join(words(line, 200) for line in told)
    left, right = max(0.0, left), min(100.0, right)
    return f'<s style="left:{left:.2f}%;width:{max(0.3, right - left):.2f}%" title="{said}"></s>'


def framed(height: int, about: str, parts: Iterable[str]) -> Html:
    """Return the chart of `parts`, `height` pixels high; `about` is read out where nobody sees it."""
    return Html(
        f'<div class="chart" role="img" aria-label="{words(about, 300)}" style="height:{height}px">{"".join(parts)}</div>'
    )
