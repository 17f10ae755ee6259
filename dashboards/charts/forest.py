"""A forest plot: several values with their intervals under each other. Rows in, HTML out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dashboards.charts.parts import Row, Says, named_apart, with_bounds
from dashboards.markup import Html, words
from dashboards.numbers import count, share
from dashboards.theme import ACCENT, BAD, GOOD

TONES: Final = {"bad": BAD, "good": GOOD}


def intervals(rows: Sequence[Row], *, says: Says = share) -> Html:
    """Return a forest plot: per row its `name` and what is known in words, a dot at `value`, a line from `low` to `high`, coloured by `tone`.

    Rows without a value keep their name and stay empty.
    """
    highest = max((row["high"] for row in rows if row["high"] is not None), default=0.0)
    ticks = named_apart(0, highest, 5, says) if highest > 0 else [0.0, 1.0]
    reach = ticks[-1] or 1.0
    lines = [
        f'<b title="{words(row["name"], 200)}">{words(row["name"], 100)}<u>{_told(row, says)}</u></b><p>{_interval(row, 0, reach)}</p>'
        for row in rows
    ]
    axis = "".join(f'<i style="left:{100 * tick / reach:.2f}%">{words(says(tick))}</i>' for tick in ticks)
    return Html(f'<div class="chart-rows">{"".join(lines)}<b></b><p class="chart-axis">{axis}</p></div>')


def difference(row: Row, reach: float, tone: str) -> Html:
    """Return one line of a forest table: `effect` as a dot, `low` to `high` as a line, "no difference" in the middle.

    The axis reaches `reach` either side and has no labels: the numbers stand beside it.
    """
    drawn = _interval({**row, "value": row["effect"], "tone": tone}, -reach, reach)
    return Html(f'<div class="chart-row"><u></u>{drawn}</div>')


def _interval(row: Row, low: float, high: float) -> str:
    """The line and the dot of one row, on an axis from `low` to `high`."""
    return "".join(_marks(row, low, high))


def _marks(row: Row, low: float, high: float) -> Iterator[str]:
    colour = TONES.get(row["tone"], ACCENT)

    def left(value: float) -> float:
        return min(100.0, max(0.0, 100 * (value - low) / (high - low)))

    if row["low"] is not None and row["high"] is not None:
        begin, end = left(row["low"]), left(row["high"])
        yield f'<s style="left:{begin:.2f}%;width:{end - begin:.2f}%;background:{colour}"></s>'
    if row["value"] is not None:
        yield f'<em style="left:{left(row["value"]):.2f}%;background:{colour}"></em>'


def _told(row: Row, says: Says) -> str:
    told = with_bounds(row, says)
    return words(told if row["value"] is None else f"{told} of {count(row['n'])}", 200)
