"""Turns of before a change and of after it, beside each other, for people to read."""

from __future__ import annotations

from operator import itemgetter
from typing import Final

import streamlit as st

from dashboards.client import Row
from dashboards.listing import Column, listing
from dashboards.numbers import utc, when
from dashboards.scope import Context
from dashboards.text import one_line, parsed

SHOWN: Final = 5

SHORT: Final = 140
"""Characters of an answer that tell which one it is."""

MADE_BY: Final = ("model", "prompt_name", "prompt_version")

EXAMPLES: Final[tuple[Column[Row], ...]] = (
    Column("When", lambda row: when(row["time"]), link=lambda row: ("traces", {"trace": row["trace_id"]}), width=3),
    Column("User said", itemgetter("input_text"), width=4),
    Column("User saw", lambda row: one_line(row["output_text"], SHORT), width=5),
    Column("Breaks", itemgetter("violates"), width=2),
    Column("By", lambda row: " ".join(str(row[name]) for name in MADE_BY if row.get(name)), width=2),
)
"""What nobody filled is left out; the time, which is always known, leads to the whole answer."""

GONE: Final = "The examples are no longer kept: the finding is older than turns are kept for."


def before_and_after(context: Context, row: Row) -> None:
    """Draw some turns of before a change beside some of after it."""
    ids = [str(item) for item in parsed(row["examples"], [])][:SHOWN]
    column, _, value = str(row["segment"] or "all").partition("=")
    segment = {"dimension": column, "value": value} if value else {}
    before = context.agent.read("turns_before", app=row["app"], before=utc(row["since_low"]), limit=SHOWN, **segment)
    after = context.agent.read("turns_by_id", ids=",".join(ids)) if ids else []
    for cell, (title, rows) in zip(st.columns(2, gap="medium"), (("Before", before), ("After", after)), strict=True):
        with cell:
            st.subheader(title)
            if rows:
                filled = [column for column in EXAMPLES if any(column.says(one) for one in rows)]
                listing(context, f"examples-{title.lower()}", filled, rows)
            else:
                st.caption(GONE if title == "After" and ids else "No example is stored.")
            if title == "After" and 0 < len(rows) < len(set(ids)):
                st.caption(f"{len(set(ids)) - len(rows)} more are no longer kept.")
