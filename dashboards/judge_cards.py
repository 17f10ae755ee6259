"""The card of a judge under a rule: whether it may decide, what it finds, its false alarms, and behind a click its curve and agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboards.client import Busy, Row, where_told
from dashboards.numbers import count, percent, when
from dashboards.scope import Context
from dashboards.text import label, plain

ENOUGH: Final = 30
"""Answers below which how far two agree is no number."""


def cards(context: Context, rule: str | None = None) -> None:
    """Draw the cards of judges, under one rule or all; nothing where the agent tells none."""
    try:
        told: list[Row] = where_told(context.agent, "judgecards", [])
    except Busy:
        st.caption("How far judges can be trusted is still being reckoned. Look again in a minute.")
        return
    mine = [one for one in told if rule in {None, one["rule"]}]
    if not mine:
        return
    st.subheader("How far judges can be trusted")
    for one in (one for one in mine if one["current"]):
        with st.container(border=True):
            _one(one)
    older = [one for one in mine if not one["current"]]
    if older:
        with st.expander(f"Versions of before ({count(len(older))})"):
            for one in older:
                plain(f"{heading(one)}. {worth(one)}")


def _one(one: Row) -> None:
    word, icon, color = standing(one)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(word, icon=icon, color=color)  # type: ignore[arg-type]  # one of the colours
        plain(heading(one))
    plain(worth(one))
    st.caption(label(terms(one), 400))
    if one["n_violate"] + one["n_comply"]:
        with st.expander("Its curve, and how far it agrees with people"):
            for line in curve(one["curve"]):
                plain(line)
            plain(agrees(one["agreement"]))


def standing(one: Row) -> tuple[str, str, str]:
    """Return whether a judge may decide, as a badge: words, icon, colour."""
    if not one["decides"]:
        return "only proposes", ":material/front_hand:", "orange"
    if not one["n_violate"] + one["n_comply"] and not one["veiled"]:
        return "decides, not checked by people", ":material/question_mark:", "gray"
    return (
        ("decides", ":material/check:", "green")
        if one["demands"]
        else ("decides, nothing is asked of it", ":material/check:", "gray")
    )


def heading(one: Row) -> str:
    """Return of what a card is."""
    spoken = f", answers in {one['language']}" if one["language"] else ""
    return f"{one['title']}, by {one['judge']}{spoken}"


def worth(one: Row) -> str:
    """Return what a judge is worth, in words."""
    n = one["n_violate"] + one["n_comply"]
    if one["veiled"]:
        return "Its numbers are of answers of applications that you may not see."
    if not n:
        return f"Nobody has checked it yet{_unused(one)}."
    parts = [
        _often("finds", one["recall"], f"of what people call a violation ({one['found']} of {one['n_violate']})"),
        _often("calls", one["alarms"], f"of good answers a violation ({one['false']} of {one['n_comply']})"),
    ]
    said = " and ".join(part for part in parts if part)
    return f"It {said}. {count(n)} answers that people judged, the newest on {when(one['newest'])}{_unused(one)}."


def _often(does: str, share: Row | None, of: str) -> str:
    return (
        f"{does} {percent(share['value'])} ({percent(share['low'])} to {percent(share['high'])}) {of}" if share else ""
    )


def _unused(one: Row) -> str:
    """The labels that do not count, and why."""
    parts = [
        f"{count(one['seen'])} labels are older than this version of it" if one["seen"] else "",
        f"{count(one['before'])} labels are on what it said before it changed" if one["before"] else "",
        f"{count(one['chosen'])} labels are on answers that somebody chose" if one["chosen"] else "",
    ]
    said = " and ".join(part for part in parts if part)
    return f"; {said}, which do not count" if said else ""


DEMANDS: Final = {
    "min_recall": "that it surely finds at least {}",
    "max_false_alarm": "that it surely blames at most {} of good answers",
}


def terms(one: Row) -> str:
    """Return what the rule demands of its judge, and what follows; how the answers were drawn."""
    asked = " and ".join(DEMANDS[name].format(percent(bound)) for name, bound in one["demands"].items())
    if not asked:
        said = f"The rule demands nothing of it (decision.min_recall, max_false_alarm){_changed(one)}"
    elif one["decides"]:
        said = f"The rule demands {asked}; so it decides"
    else:
        said = f"The rule demands {asked}; so it only proposes, and no rate or alert counts what it says: {one['why']}"
    return said + (
        ". Answers weigh as many as they stand for, since they were not drawn alike." if one["weighted"] else "."
    )


def _changed(one: Row) -> str:
    """That a judge goes on deciding though it changed, where no demand keeps it from that."""
    return f", so it goes on deciding though it changed by {when(one['changed_at'])}" if one["changed_at"] else ""


def agrees(told: Row) -> str:
    """Return how far a judge and people agree beyond chance; no number of few."""
    if told["pairs"] < ENOUGH:
        return f"Kappa and AC1 are told from {ENOUGH} answers on; there are {count(told['pairs'])}."
    kappa = "not defined, since all of it is one verdict" if told["kappa"] is None else f"{told['kappa']:.2f}"
    return (
        f"On {count(told['pairs'])} answers they say the same but for {count(told['splits'])}; kappa {kappa}, AC1 {told['ac1']:.2f}, of these answers, "
        "not weighed. Kappa is low by itself where violations are rare."
    )


def curve(bins: Sequence[Row]) -> list[str]:
    """Return what a judge believes beside what people say, a line for each step of how sure it was."""
    told = [
        f"{percent(one['low'])} to {percent(one['high'])} sure that it is a violation ({percent(one['belief'])} on average): "
        f"people call {percent(one['violates'])} of {count(one['n'])} answers one."
        for one in bins
    ]
    return told or ["It does not say how sure it is."]
