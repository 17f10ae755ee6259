"""Charts over time: rows in, HTML out. Nothing here draws or asks.

A gap in the data stays a gap: `broken` puts an empty row between two steps that are too far apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from math import inf
from statistics import median
from typing import Final

from dashboards.charts.parts import Row, Says, Times, Values, across, framed, hit, named_apart, with_bounds
from dashboards.markup import Html, drawing, words
from dashboards.numbers import count, share, utc, when
from dashboards.theme import ACCENT, ACCENT_WASH, BAD, INK

Moment = tuple[datetime, str]


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
    says: Says = share,
    reference: float | None = None,
    since: tuple[datetime, datetime, datetime] | None = None,
    marks: Sequence[Moment] = (),
    limits: Sequence[tuple[float, str]] = (),
    height: int = 180,
) -> Html:
    """Return a line of `value` with a band from `low` to `high` over `time`; n is told under the pointer.

    `reference` is drawn dashed; `since` is (low, best, high) of the start of a change; `marks` are moments with a name.
    `limits` are values with a name, drawn where they come near the data. Points of few answers are drawn faint.
    """
    times = Times.of([*(row["time"] for row in rows), *(at for at, _ in marks), *(since or ())])
    values = _values(rows, limits, reference, height)
    near = [(limit, name) for limit, name in limits if limit <= top(rows, limits)]
    named = [*([(since[1], "change begins")] if since else []), *sorted(marks)]
    lines, labels = values.grid(named_apart(values.low, values.high, 4, says), says)
    whole = broken(rows, step, ("value", "low", "high", "n"))
    shapes = [
        *_stretch(since, times),
        lines,
        *_bands(whole, times, values),
        *_lines(whole, "value", times, values, ACCENT, 2),
        *_points(rows, times, values),
        *([across(values.y(reference), INK, "5 4")] if reference is not None else []),
        *(across(values.y(limit), INK, "2 3") for limit, _ in near),
        *(_upright(times.x(at)) for at, _ in named),
    ]
    return framed(
        height,
        _about(rows, "value", says),
        [
            drawing(shapes),
            labels,
            times.labels(6),
            *_pointed(((row["time"] - step / 2, row["time"] + step / 2, _told(row, says)) for row in rows), times),
            *_names(named, times),
            *_limit_names(near, values),
        ],
    )


NEAR: Final = 4.0
"""A limit further above the data than this many times is named beside the chart, and does not flatten it."""


def _values(rows: Sequence[Row], limits: Sequence[tuple[float, str]], reference: float | None, height: int) -> Values:
    """A step that has hardly begun has a huge interval; it is cut off rather than allowed to flatten all the others."""
    lowest = min((row[key] for row in rows for key in ("low", "value") if row.get(key) is not None), default=0.0)
    highest = max(1.1 * top(rows, limits), reference or 0.0)
    return Values(min(0.0, lowest), highest if highest > 0 else 1.0, height)


def top(rows: Sequence[Row], limits: Sequence[tuple[float, str]] = ()) -> float:
    """Return the largest number that has to be seen: of steps with enough answers, and of limits near them."""
    usual = median(row.get("n") or 0 for row in rows) if rows else 0
    full = [row for row in rows if (row.get("n") or 0) >= usual / 2]
    seen = max((row[key] for row in full for key in ("high", "value") if row.get(key) is not None), default=0.0)
    return max([seen, *(limit for limit, _ in limits if limit <= NEAR * seen)])


APART: Final = 0.12
"""Limits nearer to each other than this part of the chart share its room for a name: the upper one has it."""


def _limit_names(near: Sequence[tuple[float, str]], values: Values) -> Iterator[str]:
    for (limit, name), (above, _) in pairwise([*sorted(near), (inf, "")]):
        if above - limit >= APART * values.high:
            yield f'<u class="limit" style="top:{values.y(limit) - 17}px">{words(name)}</u>'


def _told(row: Row, says: Says) -> Iterator[str]:
    yield f"from {when(row['time'])}"
    yield with_bounds(row, says)
    if row.get("value") is not None and row.get("n") is not None:
        yield f"of {count(row['n'])}"


def _about(rows: Sequence[Row], field: str, says: Says) -> str:
    """What a chart shows, for those who do not see it."""
    known = [row for row in rows if row.get(field) is not None]
    if not known:
        return "A chart over time without values."
    first, last = known[0], known[-1]
    return (
        f"A chart over time: {says(first[field])} from {when(first['time'])}, {says(last[field])} from {when(last['time'])}, "
        f"{says(max(row[field] for row in known))} at the most."
    )


def _stretch(since: tuple[datetime, datetime, datetime] | None, times: Times) -> Iterator[str]:
    """When a change can have begun."""
    if since is not None:
        left, right = times.x(since[0]), times.x(since[2])
        yield f'<rect x="{left}%" width="{max(0.2, right - left):.2f}%" height="100%" fill="{BAD}" opacity="0.12"/>'


def _upright(x: float) -> str:
    return f'<line x1="{x}%" x2="{x}%" y1="0" y2="100%" stroke="{BAD}" stroke-width="1.5"/>'


def _stretched(shape: str, values: Values) -> str:
    """A path of which the width is a thousand and the height that of the chart, whatever the width of the page."""
    return f'<svg viewBox="0 0 1000 {values.height}" width="100%" height="{values.height}" preserveAspectRatio="none">{shape}</svg>'


def _runs(rows: Iterable[Row], field: str) -> Iterator[list[Row]]:
    """The stretches in which `field` is known."""
    for known, run in groupby(rows, lambda row: row.get(field) is not None):
        if known:
            yield list(run)


def _path(rows: Iterable[Row], field: str, times: Times, values: Values) -> str:
    return "L".join(f"{10 * times.x(row['time']):.1f} {values.y(row[field])}" for row in rows)


def _bands(rows: Sequence[Row], times: Times, values: Values) -> Iterator[str]:
    for run in _runs(rows, "low"):
        if len(run) == 1:
            yield _alone(run[0], times, values)
            continue
        upper, lower = _path(run, "high", times, values), _path(reversed(run), "low", times, values)
        yield _stretched(f'<path d="M{upper}L{lower}Z" fill="{ACCENT_WASH}" opacity="0.75"/>', values)


def _lines(rows: Sequence[Row], field: str, times: Times, values: Values, colour: str, width: float) -> Iterator[str]:
    for run in _runs(rows, field):
        if len(run) == 1:
            yield _dot(times.x(run[0]["time"]), values.y(run[0][field]), colour)
            continue
        line = f'<path d="M{_path(run, field, times, values)}" fill="none" stroke="{colour}" stroke-width="{width}" vector-effect="non-scaling-stroke"/>'
        yield _stretched(line, values)


def _alone(row: Row, times: Times, values: Values) -> str:
    """The interval of a step that has no neighbours."""
    x, low, high = times.x(row["time"]), values.y(row["low"]), values.y(row["high"])
    return f'<line x1="{x}%" x2="{x}%" y1="{high}" y2="{low}" stroke="{ACCENT_WASH}" stroke-width="8"/>'


def _dot(x: float, y: float, colour: str, how: str = "") -> str:
    return f'<circle cx="{x}%" cy="{y}" r="2.4" fill="{colour}"{how}/>'


def _points(rows: Sequence[Row], times: Times, values: Values) -> Iterator[str]:
    usual = median(row.get("n") or 0 for row in rows) if rows else 0
    for row in rows:
        if row.get("value") is not None:
            faint = ' opacity="0.4"' if (row.get("n") or 0) < usual / 2 else ""
            yield _dot(times.x(row["time"]), values.y(row["value"]), ACCENT, faint)


def _pointed(told: Iterable[tuple[datetime, datetime, Iterable[str]]], times: Times) -> Iterator[str]:
    """What each stretch of time says under the pointer."""
    return (hit(times.x(begin), times.x(end), [*lines]) for begin, end, lines in told)


LINES: Final = 4
"""Lines of names that stand under each other, so that moments near each other can be read."""

FAR: Final = 70.0
"""Percent of the width from which on a name stands to the left of its moment."""


def _names(named: Sequence[Moment], times: Times) -> Iterator[str]:
    """The names of moments; each says when it was under the pointer."""
    for number, (at, name) in enumerate(named):
        x, y = times.x(at), 2 + 14 * (number % LINES)
        side, room = (";transform:translateX(-100%)", x) if x > FAR else ("", 100 - x)
        yield f'<u class="mark" style="left:{x}%;top:{y}px;max-width:{room:.2f}%{side}" title="{words(name, 200)}, {when(at)}">{words(name)}</u>'


def bars_over_time(
    rows: Sequence[Row], field: str, step: timedelta, *, colour: str = ACCENT, says: Says = count
) -> Html:
    """Return bars of `field` per step of time; a step without a row has no bar."""
    known = [row | {"time": utc(row["time"])} for row in rows if row[field] is not None]
    times = Times.of([at for row in known for at in (row["time"], row["time"] + step)])
    values, ticks = _from_nothing([row[field] for row in known], says)
    lines, labels = values.grid(ticks, says)
    bars = (_bar(row["time"], row[field], step, times, values, colour) for row in known)
    told = ((row["time"], row["time"] + step, [f"from {when(row['time'])}", says(row[field])]) for row in known)
    shown = [drawing([lines, *bars]), labels, times.labels(3), *_pointed(told, times)]
    return framed(SMALL, _about(known, field, says), shown)


SMALL: Final = 110


def _from_nothing(numbers: Sequence[float], says: Says) -> tuple[Values, Sequence[float]]:
    """The axis from 0 to the round value beyond all of `numbers`, and the round values on it."""
    highest = max(numbers, default=0)
    ticks = named_apart(0, highest if highest > 0 else 1.0, 3, says)
    return Values(0.0, ticks[-1], SMALL), ticks


def _bar(at: datetime, value: float, step: timedelta, times: Times, values: Values, colour: str) -> str:
    left, right, y = times.x(at), times.x(at + step), values.y(value)
    return f'<rect x="{left}%" width="{0.92 * (right - left):.2f}%" y="{y}" height="{values.y(0) - y:.1f}" fill="{colour}" opacity="0.8"/>'


def lines_over_time(rows: Sequence[Row], fields: dict[str, str], step: timedelta, *, says: Says) -> Html:
    """Return one thin line per field (field -> its name), the first the darkest, broken at gaps."""
    names = list(fields)
    given = [row | {"time": utc(row["time"])} for row in rows]
    times = Times.of([row["time"] for row in given])
    values, ticks = _from_nothing([row[name] for row in given for name in names if row.get(name) is not None], says)
    lines, labels = values.grid(ticks, says)
    whole = broken(given, step, names)
    drawn = [
        line
        for name, colour in zip(names, (ACCENT, PALE), strict=False)
        for line in _lines(whole, name, times, values, colour, 1.6)
    ]
    told = ((row["time"] - step / 2, row["time"] + step / 2, _each(row, fields, says)) for row in given)
    shown = [drawing([lines, *drawn]), labels, times.labels(3), *_pointed(told, times)]
    return framed(SMALL, _about(given, names[0], says), shown)


PALE: Final = "#8fb3cc"
"""A second line."""


def _each(row: Row, fields: dict[str, str], says: Says) -> Iterator[str]:
    yield f"from {when(row['time'])}"
    yield from (f"{title}: {says(row[name])}" for name, title in fields.items() if row.get(name) is not None)
