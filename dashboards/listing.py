"""Lists made of text: what stands there can be selected, its name is a link, and the whole goes along as CSV.

Every row is a line of elements, so that a list is for what a person reads through (at most `MOST` lines); what is longer stays a
table of `dashboards.tables`. On a narrow screen the cells of a line stand under each other, the name first.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from dashboards.scope import Context
from dashboards.text import label, one_line, plain

MOST: Final = 50
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""Beginnings by which a spreadsheet takes a text for a formula."""


@dataclass(frozen=True)
class Cell:
    """One cell: the name of its column, what stands there, where it leads, its colour as a badge, its share of the width."""

    name: str
    text: object
    link: tuple[str, dict[str, str]] | None = None
    colour: str = ""
    width: int = 1


def listing(context: Context, key: str, lines: Sequence[Sequence[Cell]]) -> None:
    """Draw `lines`, under the names of their columns; a link opens what a line is about."""
    if not lines:
        return
    widths = [cell.width for cell in lines[0]]
    with st.container(border=True, gap="small", key=f"list-{key}"):
        with st.container(key=f"muted-head-{key}"):
            for place, cell in zip(st.columns(widths, vertical_alignment="center"), lines[0], strict=True):
                with place:
                    plain(cell.name)
        for line in lines[:MOST]:
            for place, cell in zip(st.columns(widths, vertical_alignment="center"), line, strict=True):
                with place:
                    _cell(context, cell)
    if len(lines) > MOST:
        st.caption(f"and {len(lines) - MOST} more: the file has all of them")
    st.download_button(
        "CSV",
        as_csv(lines),
        file_name=f"plumbline-{key}.csv",
        mime="text/csv",
        key=f"csv-{key}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _cell(context: Context, cell: Cell) -> None:
    words = one_line(cell.text, 300) or "-"
    if cell.link is not None:
        context.link(*cell.link, label(words, 300))
    elif cell.colour:
        st.badge(label(words), color=cell.colour)  # type: ignore[arg-type]  # our own words
    else:
        plain(words)


def as_csv(lines: Sequence[Sequence[Cell]]) -> str:
    """Return `lines` as CSV in which nothing is a formula; every field is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([harmless(cell.name) for cell in lines[0]])
    writer.writerows([harmless(cell.text) for cell in line] for line in lines)
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
