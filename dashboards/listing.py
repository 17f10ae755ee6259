"""Lists made of text: what stands there can be selected, its name is a link, and the whole goes along as CSV.

A list is said once, as its columns: what each shows of a row, where it leads, in which colour. Every row is a line of elements, so
that a list is for what a person reads through (at most `MOST` lines); what is longer stays a table of `dashboards.tables`. On a
narrow screen the cells of a line stand under each other, each behind the name of its column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import streamlit as st

from dashboards.scope import Context
from dashboards.text import label, one_line, plain
from dashboards.theme import narrow_names

MOST: Final = 50
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""Beginnings by which a spreadsheet takes a text for a formula."""

Line = TypeVar("Line")
Place = tuple[str, dict[str, str]]
"""A page and what is chosen on it."""


@dataclass(frozen=True)
class Column(Generic[Line]):
    """One column: its name, what it says of a line, where that leads, its colour as a badge, its share of the width."""

    name: str
    says: Callable[[Line], object]
    link: Callable[[Line], Place] | None = None
    colour: Callable[[Line], str] | None = None
    width: int = 1


def listing(context: Context, key: str, columns: Sequence[Column[Line]], lines: Sequence[Line]) -> None:
    """Draw `lines` under the names of `columns`, and the way to take all of them along."""
    if not lines:
        return
    st.html(narrow_names(key, [column.name for column in columns]))
    with st.container(border=True, gap="small", key=f"list-{key}"):
        with st.container(key=f"muted-head-{key}"):
            for place, column in zip(_places(columns), columns, strict=True):
                with place:
                    plain(column.name)
        for line in lines[:MOST]:
            for place, column in zip(_places(columns), columns, strict=True):
                with place:
                    _cell(context, column, line)
    if len(lines) > MOST:
        st.caption(f"and {len(lines) - MOST} more: the file has all of them")
    _file(key, columns, lines)


def _places(columns: Sequence[Column[Line]]) -> Sequence[st.delta_generator.DeltaGenerator]:
    return st.columns([column.width for column in columns], vertical_alignment="center")


def _cell(context: Context, column: Column[Line], line: Line) -> None:
    words = one_line(column.says(line), 300) or "-"
    if column.link is not None:
        context.link(*column.link(line), label(words, 300))
    elif column.colour is not None:
        st.badge(label(words), color=column.colour(line))  # type: ignore[arg-type]  # our own words
    else:
        plain(words)


def _file(key: str, columns: Sequence[Column[Line]], lines: Sequence[Line]) -> None:
    st.download_button(
        "CSV",
        as_csv(columns, lines),
        file_name=f"plumbline-{key}.csv",
        mime="text/csv",
        key=f"csv-{key}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def as_csv(columns: Sequence[Column[Line]], lines: Sequence[Line]) -> str:
    """Return `lines` as CSV in which nothing is a formula; every field is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([harmless(column.name) for column in columns])
    writer.writerows([harmless(column.says(line)) for column in columns] for line in lines)
    return out.getvalue()


def harmless(value: object) -> str:
    """Return what stands in a field: a text that a spreadsheet would take for a formula begins with an apostrophe.

    >>> harmless("=1+1"), harmless("  @x"), harmless("fine"), harmless(-3), harmless(None)
    ("'=1+1", "'  @x", 'fine', '-3', '')
    """
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, (int, float)):
        return text
    return f"'{text}" if text.startswith(FORMULA) or text.strip().startswith(FORMULA) else text
