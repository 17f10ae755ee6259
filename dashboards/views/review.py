"""Review: the weekly sample that people judge; who is how far, one's own seat, what people disagree on, and what follows."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import Refused, Row, Unknown
from dashboards.numbers import utc, when
from dashboards.scope import Context
from dashboards.tables import clickable, still
from dashboards.text import label, one_line, plain
from dashboards.views.review_disputes import disputes
from dashboards.views.review_results import results
from dashboards.views.review_seat import seat

_text = st.column_config.TextColumn
PARTS: Final = ("Judge", "Disagreements", "Results", "About")


def show(context: Context) -> None:
    """Draw the list of reviews, or the one that the address names."""
    wanted = st.query_params.get("review")
    reviews = context.agent.ask("reviews")
    if wanted:
        _one(context, next((row for row in reviews if row["id"] == wanted), None))
    else:
        _all(context, reviews)


def standing(row: Row) -> str:
    """Return how far a review is, in words."""
    if row["closed_at"]:
        return "closed, signed off" if row["signed_by"] else "closed"
    return f"{row['n_done']} of {row['n_items']} judged"


def _all(context: Context, reviews: list[Row]) -> None:
    st.title("Reviews", anchor=False)
    if not reviews:
        st.info(
            "No review yet. A review is a frozen sample of a week's answers that people judge, an hour or two a week."
        )
    else:
        cells = [
            {
                "id": one_line(row["id"]),
                "standing": standing(row),
                "app": one_line(row["app"] or "all applications"),
                "due_at": utc(row["due_at"]),
                "opened_by": one_line(row["opened_by"]),
            }
            for row in reviews
        ]
        columns: dict[str, Any] = {
            "id": _text("Review", width=105),
            "standing": _text("Stands", width=140),
            "app": _text("Answers of", width=140),
            "due_at": st.column_config.DatetimeColumn("Due (UTC)", format="D MMM YYYY", width=110),
            "opened_by": _text("Opened by", width=120),
        }
        chosen = clickable(cells, columns, key="reviews")
        if chosen is not None:
            context.go("review", {"review": reviews[chosen]["id"]})
    if may(context.agent, "review"):
        _open(context)


def _open(context: Context) -> None:
    with st.form("open-review", border=True):
        st.subheader("Open a review", anchor=False)
        plain("The answers of the last seven days, drawn by lot, and those that graders or people point at.")
        size = st.number_input("How many answers", 10, 2000, 200, step=10)
        if st.form_submit_button("Open it") and act(
            context.agent, "open-review", "openreview", "The review is open.", size=int(size), app=context.scope.app
        ):
            st.rerun()
    told("open-review")


def _one(context: Context, row: Row | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="which-review"):
        if st.button("All reviews", icon=":material/arrow_back:"):
            context.go("review", {})
        st.title(f"Review {label(row['id'])}" if row else "No review", anchor=False)
    if row is None:
        st.info("There is no review of this name.")
        return
    open_one = row["closed_at"] is None
    parts = PARTS if open_one else PARTS[1:]
    part = st.segmented_control(
        "Part",
        parts,
        default=parts[0] if open_one else "Results",
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    try:
        if part == "Judge" and may(context.agent, "review"):
            _seat(context, row["id"])
        elif part == "Disagreements":
            disputes(context.agent, row["id"], open_one=open_one)
        elif part == "Results":
            results(context.agent, row)
        elif part == "About":
            _about(context, row)
    except (Refused, Unknown) as trouble:  # an agent that is gone is the page's trouble, which tries again
        st.warning(label(trouble, 300))


@st.fragment
def _seat(context: Context, review_id: str) -> None:
    seat(context.agent, review_id)


def _about(context: Context, row: Row) -> None:
    shown = context.agent.ask("review", id=row["id"])
    plain(
        f"Opened by {row['opened_by']}, {when(row['opened_at'])}; due {when(row['due_at'])}. {standing(row).capitalize()}."
    )
    if shown["second_looks_missing"]:
        plain(f"{shown['second_looks_missing']} answers wait for a second person.")
    st.subheader("Who is how far", anchor=False)
    if shown["people"]:
        still(shown["people"], {"person": _text("Who"), "assigned": "Has", "done": "Judged"})
    else:
        plain("Nobody has begun.")
    st.subheader("How it was drawn", anchor=False)
    cells = [{name: one[name] for name in ("name", "n_units", "n_taken", "probability")} for one in shown["strata"]]
    still(
        cells,
        {"name": _text("Part", width=260), "n_units": "There were", "n_taken": "Taken", "probability": "Probability"},
    )
    plain(f"Seed {row['seed']}. plumbline review redraw {row['id']} draws the same list again.")
