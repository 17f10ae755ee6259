"""What follows from a review: a sentence a rule, then numbers, then how we know."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Row
from dashboards.numbers import when
from dashboards.text import label, plain


def results(agent: AgentReads, review: Row) -> None:
    """Draw the results of `review` so far, or as they were when it ended; and the way to end it."""
    followed = agent.ask("reviewresults", id=review["id"])
    for rule in followed["rules"]:
        with st.container(border=True):
            _rule(rule)
    if review["signed_by"]:
        plain(f"Signed off by {review['signed_by']}, {when(review['signed_at'])}.")
        plain(review["minutes"])
    if may(agent, "review"):
        _end(agent, review)


def _rule(rule: Row) -> None:
    st.subheader(label(rule["title"], 160), anchor=False)
    with st.container(key=f"follows-{rule['app']}-{rule['rule_id']}"):
        plain(rule["sentence"])
    for line in (
        rule.get("learnt"),
        rule["not_judged"],
        _picks(rule["picks"]),
        _graders(rule["graders"]),
        _decides(rule),
    ):
        if line:
            plain(line)
    with st.expander("How we know"):
        plain(f"{rule['rule_id']}, {rule['app']}. {_agreement(rule['agreement'])}")


def _picks(picks: Row) -> str:
    if not picks["judged"]:
        return ""
    return f"Of {picks['judged']} picked for what they are, {picks['violations']} break it; they are in no rate."


def _graders(told_: Row) -> str:
    lines, silent = [], told_.get("silent", 0)  # reviews that ended under an earlier version did not count those
    if told_["n"]:
        parts = f"missed {told_['missed']}, and gave {told_['false_alarms']} false alarms"
        lines.append(f"People and graders agree on {told_['agree']} of {told_['n']}; graders {parts}.")
    if silent:
        lines.append(f"Of {silent:,} {'more' if lines else 'judged by people'} no grader could tell.")
    return " ".join(lines)


def _decides(rule: Row) -> str:
    more = rule.get("more_to_decide")
    if rule.get("limit") is None or more is None:
        return ""
    limit = f"{100 * rule['limit']:.2g} %"
    return (
        f"That is decided against the limit of {limit}."
        if more == 0
        else f"About {more:,} more labels decide whether it is above the limit of {limit}."
    )


def _agreement(told_: Row) -> str:
    if told_["pairs"] < 30:
        return f"{told_['pairs']} answers were judged by two people; from 30 on this says how far they agree."
    split = f"{told_['pairs']} answers were judged by two people, who split on {told_['splits']}."
    if told_["positive"] is None:
        return split
    positive = f"Of what anybody called a violation, both did in {told_['positive']:.0%} ({told_['low']:.0%} to {told_['high']:.0%})."
    return f"{split} {positive} Kappa {_number(told_['kappa'])}, AC1 {_number(told_['ac1'])}."


def _number(value: Any) -> str:
    return "not known" if value is None else f"{value:.2f}"


def _end(agent: AgentReads, review: Row) -> None:
    if review["closed_at"] is None:
        if st.button("Add 40 answers where they tell most", key="more") and act(
            agent, "more-items", "moreitems", "They are in the review, and wait to be judged.", id=review["id"]
        ):
            st.rerun()
        told("more-items")
        if st.button("Close the review", key="close") and act(
            agent, "close-review", "closereview", "The review is closed.", id=review["id"]
        ):
            st.rerun()
        told("close-review")
        return
    with st.form("sign", border=False):
        minutes = st.text_area("Minutes: what the numbers mean, and what you decided", max_chars=4000)
        if st.form_submit_button("Sign off") and act(
            agent, "sign-review", "signreview", "Signed off.", id=review["id"], minutes=minutes
        ):
            st.rerun()
    told("sign-review")
