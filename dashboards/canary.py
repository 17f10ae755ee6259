"""What known items say of a judge: whether it still judges as before, how often it is asked about them, and what that takes."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.client import Row
from dashboards.numbers import count, money, percent, when
from dashboards.text import label, plain
from dashboards.words import HOW

BADGES: Final = {
    "changed": (":material/warning:", "red"),
    "judges as before": (":material/check:", "green"),
    "not known yet whether it changes": (":material/hourglass_empty:", "gray"),
}
"""How a judge stands by its known items."""


def canary(one: Row) -> None:
    """Draw what known items say of a judge; why there are none where there are none."""
    told = one.get("canary")
    if told is None:
        st.caption(
            "Whether it changes is not watched: there are no known items (examples in the policy, answers that people settled), or "
            "canary.notice_within is never."
        )
        return
    word = standing(told)
    icon, color = BADGES[word]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(word, icon=icon, color=color)  # type: ignore[arg-type]  # one of the colours
        plain(found(told))
    if told["changed"]:
        plain(change(told))
    st.caption(label(asked(told), 400))
    st.caption(label(leanings(told["bias"]), 500))


def standing(told: Row) -> str:
    """Return in words whether a judge is known to judge as before."""
    if told["changed"]:
        return "changed"
    watched = any(said["n"] >= told["first"] for said in told["said"].values())
    return "judges as before" if watched else "not known yet whether it changes"


def change(told: Row) -> str:
    """Return when a judge was found to have changed and what was found, without the evidence."""
    return f"{when(told['changed_at'])}: {told['changed'].partition(HOW)[0]}."


def found(told: Row) -> str:
    """Return what a judge said of known items lately."""
    hits, alarms = told["said"]["violates"], told["said"]["complies"]
    parts = [
        f"finds {percent(hits['bad'] / hits['n'])} of known violations ({count(hits['n'])} asked)" if hits["n"] else "",
        f"calls {percent(alarms['bad'] / alarms['n'])} of answers that keep the rule violations ({count(alarms['n'])} asked)"
        if alarms["n"]
        else "",
    ]
    said = " and ".join(part for part in parts if part)
    since = told.get("said_since")
    if since:
        return f"Since it changed ({when(since)}) it {said or 'was not asked about known items'}."
    return f"In the last 7 days it {said}." if said else "It was not asked about known items in the last 7 days."


FORMS: Final = {
    "order": "with the verdicts in reverse order",
    "length": "with courtesies around the answer",
    "style": "with the answer as a list",
}
"""In which other forms known items are asked."""

OF: Final = {"violates": "known violations", "complies": "answers that keep the rule"}


def leanings(bias: dict[str, Row | None]) -> str:
    """Return in words what moves a judge that should not: the order of verdicts, the length or the style of answers."""
    known = {name: one for name, one in bias.items() if one is not None}
    if not known:
        return "Bias: not known yet; known items are asked in other forms now and then."
    moved = [
        f"{FORMS[form]} it calls {100 * one['moved']:+.0f} points of {OF[kind]} violations ({100 * one['low']:+.0f} to {100 * one['high']:+.0f}, "
        f"{count(one['n'])} asked)"
        for (form, kind), one in ((name.split(), one) for name, one in known.items())
        if one["low"] > 0 or one["high"] < 0
    ]
    n = min(one["n"] for one in known.values())
    if not moved:
        return f"Bias: neither the order of verdicts nor length nor style of answers is seen to move it ({count(n)} or more asked of each)."
    return f"Bias: {'; '.join(moved)}."


def asked(told: Row) -> str:
    """Return how often a judge is asked about known items, what that takes, and how soon a change is noticed."""
    items = told["items"]
    sized = (
        f"one that misses a tenth more is noticed within about {told['within_days']:.0f} days"
        if told["within_days"]
        else "no end is known"
    )
    dollars = "" if told["usd"] is None else f" and {money(told['usd'])}"
    paid = (
        "of which its members are asked each"
        if told["calls"] is None
        else f"today {count(told['calls'])} calls{dollars} out of its budget"
    )
    return (
        f"Known items: {count(items['violates'])} that violate and {count(items['complies'])} that do not. {percent(told['share'])} of its calls "
        f"ask about them, {paid}; so {sized} ({told['wanted']} was asked for)."
    )
