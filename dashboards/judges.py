"""Judges: what each has taken of its budget, what waits for it, what came of its calls; and the calls behind one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboards.canary import canary
from dashboards.client import Busy, Row, where_told
from dashboards.judge_cards import cards
from dashboards.numbers import count, money, took, when
from dashboards.rules import Rule
from dashboards.scope import Context
from dashboards.tables import still
from dashboards.text import label, one_line, plain

STATES: Final = {
    "ok": "a verdict",
    "cached": "known from an earlier reply, or from those of its members",
    "retried": "no verdict, asked once more",
    "refused": "no verdict again: a person must look",
    "budget": "not asked, the budget was used up",
    "error": "no reply, asked again later",
}
"""What came of a call, in words."""

_text = st.column_config.TextColumn
_number = st.column_config.NumberColumn


def judges(context: Context, rules: dict[str, Rule], rule: str | None = None) -> None:
    """Draw the judges of the house, or those that rule `rule` asks; nothing where there are none."""
    try:
        known = _asked(context)
        calls = context.agent.read("judge_calls", rule=rule, **context.scope.within) if known else []
    except Busy:
        st.caption("What judges do is still being read. Look again in a minute.")
        return
    if not known or (rule is not None and not calls):
        return
    st.subheader("Judges")
    named = {row["judge"] for row in calls}
    shown = known if rule is None else [one for one in known if one["name"] in named]
    for one in shown:
        with st.container(border=True):
            _one(one)
    cards(context, rule)
    _calls(calls, rules)


def _asked(context: Context) -> list[Row]:
    return where_told(context.agent, "judges", [])


def _one(one: Row) -> None:
    """One judge: whether it answers, its budget of the day, and what waits."""
    well = not one["trouble"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            "answers" if well else "does not answer",
            icon=":material/check:" if well else ":material/close:",
            color="green" if well else "red",
        )
        plain(f"{one['name']}: {who(one)}")
    if one["trouble"]:
        plain(f"{one['trouble']}.")
    if not one["panel"]:
        st.progress(spent(one), text=label(budget(one), 200))
    texts = ", ".join(one["apps"]) or "no application (judge_texts in plumbline.yaml names some)"
    texts = "every application" if texts == "*" else texts
    canary(one)
    st.caption(label(f"{count(one['waits'])} answers wait for it. It may be sent texts of {texts}.", 300))


def who(one: Row) -> str:
    """Return in words who a judge is."""
    if one["panel"]:
        return f"a panel of {', '.join(one['panel'])}, which is one grader"
    return f"{one['model'] or 'a model'} by {one['transport']}"


def spent(one: Row) -> float:
    """Return the share of today's budget that is taken, in calls or dollars, whichever is more."""
    calls = one["calls"] / one["calls_per_day"] if one["calls_per_day"] else 1.0
    usd = one["usd"] / one["usd_per_day"] if one["usd_per_day"] else 0.0
    return min(1.0, max(calls, usd))


def budget(one: Row) -> str:
    """Return in words what is taken of today's budget."""
    said = f"Today {count(one['calls'])} of {count(one['calls_per_day'])} calls"
    if one["usd_per_day"] is not None:
        said += f", {money(one['usd'])} of {money(one['usd_per_day'])}"
    return said + (f"; of {count(one['open'])} nobody knows what they took" if one["open"] else "")


def _calls(calls: Sequence[Row], rules: dict[str, Rule]) -> None:
    """A line for each judge, rule and what came of it."""
    if not calls:
        st.caption("No judge was asked in this range.")
        return
    cells = [
        {
            "judge": one_line(row["judge"]),
            "rule": one_line(f"{'Known items: ' * row['known']}{_title(row['rule_id'], rules)}"),
            "state": STATES.get(row["state"], row["state"]),
            "n": row["n"],
            "cost": money(row["cost_usd"]),
            "took": took(row["latency_ms"]),
            "reason": "" if row["state"] in {"ok", "cached"} else one_line(row["reason"], 200),
        }
        for row in calls
    ]
    columns: dict[str, Any] = {
        "judge": _text("Judge", width=110),
        "rule": _text("Rule", width=260),
        "state": _text("What came of it", width=230),
        "n": _number("Calls", format="localized", width=70),
        "cost": _text("Cost", width=80),
        "took": _text("Took", width=70),
        "reason": _text("Why, last", width=300),
    }
    still(cells, columns)


def _title(rule: str, rules: dict[str, Rule]) -> str:
    return rules[rule].title if rule in rules else rule


def calls_behind(calls: Sequence[Row], rule_id: str) -> None:
    """Draw the questions to judges behind a verdict; what a judge wrote is its own text about hostile text."""
    mine = [row for row in calls if row["rule_id"] == rule_id]
    if not mine:
        return
    with st.expander("How it was judged"):
        for row in mine:
            cost = f", {money(row['cost_usd'])}" if row["cost_usd"] else ""
            tokens = f", {count(row['tokens'])} tokens" if row["tokens"] else ""
            plain(
                f"{when(row['time'])}: {row['judge']}, {STATES.get(row['state'], row['state'])} ({took(row['latency_ms'])}{tokens}{cost}): {row['reason']}."
            )
            if row["words"]:
                plain(f"In its own words: {row['words']}")
