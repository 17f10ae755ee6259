"""The spans of a trace as bars under each other. Rows in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.charts.parts import Row, named_apart
from dashboards.markup import Html, words
from dashboards.numbers import took
from dashboards.text import one_line
from dashboards.theme import BAD, KIND_COLOURS


def timeline(rows: Sequence[Row]) -> Html:
    """Return a trace as bars: rows in tree order with `name`, `depth`, `kind`, `start_ms`, `end_ms`, `error`."""
    ends = named_apart(0, max([1.0, *(row["end_ms"] for row in rows)]), 4, took)
    lines = "".join(
        f'<b title="{words(row["name"], 200)}">{words(branch(row), 90)}</b><p role="img" aria-label="{_told(row)}" title="{_told(row)}">{_bar(row, ends[-1])}</p>'
        for row in rows
    )
    axis = "".join(f'<i style="left:{100 * end / ends[-1]:.2f}%">{words(took(end))}</i>' for end in ends)
    return Html(f'<div class="chart-rows chart-spans">{lines}<b></b><p class="chart-axis">{axis}</p></div>')


def branch(row: Row) -> str:
    """Return the name of a span behind lines that say below which others it is."""
    guide = "" if row["depth"] == 0 else "│ " * (row["depth"] - 1) + "└ "
    return f"{guide}{one_line(row['name'], 60) or ''}"


def _bar(row: Row, whole: float) -> str:
    begin, end = (min(100.0, max(0.0, 100 * row[key] / whole)) for key in ("start_ms", "end_ms"))
    return f'<s style="left:{begin:.2f}%;width:{end - begin:.2f}%;background:{_kind_colour(row)}"></s>'


def _told(row: Row) -> str:
    known = {
        "": row["kind"],
        "starts after": took(row["start_ms"]),
        "took": took(row["duration_ms"]),
        "error:": row["error"],
    }
    return "&#10;".join(words(f"{name} {value}".strip(), 200) for name, value in known.items() if value is not None)


def _kind_colour(row: Row) -> str:
    return BAD if row.get("error") else KIND_COLOURS.get(row.get("kind") or "other", KIND_COLOURS["other"])
