"""Two stretches of time side by side, chosen by a person and drawn by Evidently, as a file to keep."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import streamlit as st

from dashboards.client import Trouble
from dashboards.scope import Context
from dashboards.text import label

WEEK: Final = timedelta(days=7)
KEPT: Final = "two-windows"
Days = tuple[date, date]


def two_windows(context: Context) -> None:
    """Draw the form, and the file once it is there."""
    with st.expander("Compare two stretches of time", icon=":material/compare:"):
        st.caption(
            "Evidently compares all numbers of two stretches, column by column, by fixed thresholds; findings have a "
            "budget of false alarms instead. The first time takes up to 40 s."
        )
        today = context.now.date()
        with st.form("two-windows-form", border=False):
            left, middle, right = st.columns(3)
            now = left.date_input("Days to look at", (today - WEEK, today))
            before = middle.date_input("Days to compare with", (today - 2 * WEEK, today - WEEK - timedelta(days=1)))
            segment = right.text_input("Only of (COLUMN=VALUE)", placeholder="all of the application")
            asked = st.form_submit_button("Prepare the report")
        if asked:
            _prepare(context, now, before, segment.strip() or "all")
        kept = st.session_state.get(KEPT)
        if kept:
            st.download_button(
                "Download the report (HTML)",
                kept,
                file_name="plumbline-two-windows.html",
                mime="text/html",
                icon=":material/download:",
                on_click="ignore",
            )


def _prepare(context: Context, now: object, before: object, segment: str) -> None:
    if not (isinstance(now, tuple) and isinstance(before, tuple) and len(now) == len(before) == 2):
        st.warning("Each stretch needs a first and a last day.")
        return
    start, end = _instants(now)
    against_start, against_end = _instants(before)
    try:
        with st.spinner("Evidently is drawing the report"):
            st.session_state[KEPT] = context.agent.ask(
                "windowreport",
                start=start,
                end=end,
                against_start=against_start,
                against_end=against_end,
                app=context.scope.app,
                segment=segment,
            )
    except Trouble as trouble:
        st.warning(label(trouble, 400))


def _instants(days: Days) -> tuple[str, str]:
    """From the beginning of the first day to the end of the last."""
    first, last = (datetime.combine(day, time(), UTC) for day in days)
    return first.isoformat(), (last + timedelta(days=1)).isoformat()
