"""What people disagree on in a review, and the third person who decides and says why they did."""

from __future__ import annotations

import secrets
from typing import Any, Final

import streamlit as st

from dashboards.client import AgentReads, Row, Trouble
from dashboards.review_keys import WORDS
from dashboards.text import code, label, plain
from dashboards.views.review_answer import answer, rule_card

WHY: Final = {
    "slip": "A slip: one of them pressed the wrong key or overlooked something",
    "unclear_rule": "The rule is unclear",
    "missing_example": "The rule lacks an example like this",
    "grey_area": "It really is a grey area",
}


def disputes(agent: AgentReads, review_id: str, *, open_one: bool) -> None:
    """Draw the disagreements that nobody has decided; whoever is none of the two may."""
    _decided()
    found = agent.ask("disputes", id=review_id)
    if not found:
        st.info("Nobody disagrees, or everything is decided.")
        return
    plain(
        "One answer on which people disagree." if len(found) == 1 else f"{len(found)} answers on which people disagree."
    )
    for number, one in enumerate(found, 1):
        with st.container(border=True):
            _one(agent, review_id, one, number, open_one=open_one)


def _one(agent: AgentReads, review_id: str, one: Row, number: int, *, open_one: bool) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        answer({"number": number, "app": "this review", "texts": one["texts"], "severe": False})
    with right:
        rule_card(one["rule"], None, chosen=False, place=str(number))
        for said in one["said"]:
            plain(
                f"{said['person']}: {WORDS.get(said['verdict'], said['verdict'])}"
                + (f" ({said['note']})" if said["note"] else "")
            )
        if not open_one:
            st.caption("The review is closed.")
        elif not one["may_decide"]:
            st.caption("A third person decides: you are one of the two.")
        else:
            _form(agent, review_id, one)


def _form(agent: AgentReads, review_id: str, one: Row) -> None:
    key = f"{one['unit_id']}-{one['rule']['id']}"
    with st.form(f"decide-{key}", border=False):
        verdict = st.radio(
            "This answer", list(WORDS), format_func=WORDS.get, horizontal=True, key=f"verdict-{key}", index=None
        )
        why = st.radio("They disagree because", list(WHY), format_func=WHY.get, key=f"why-{key}", index=None)
        note = st.text_input("Note", key=f"note-{key}")
        decides = st.form_submit_button("Decide")
        if decides and (verdict is None or why is None):
            st.warning("Choose what it is, and why they disagree.")
        elif decides:
            _decide(agent, review_id, one, {"verdict": verdict, "why": why, "note": note})


def _decide(agent: AgentReads, review_id: str, one: Row, said: dict[str, Any]) -> None:
    about = {"id": review_id, "unit_id": one["unit_id"], "rule_id": one["rule"]["id"]}
    try:
        told: Any = agent.command("decideitem", secrets.token_hex(16), **about, **said)
    except Trouble as trouble:
        st.error(label(trouble, 300))
        return
    st.session_state["decided"] = (one["rule"], told.get("example"))
    st.rerun()


def _decided() -> None:
    rule, example = st.session_state.pop("decided", (None, None))
    if rule is None:
        return
    st.success("Decided.", icon=":material/check:")
    if example:
        plain(
            f"This answer as an example of “{rule['title']}”, to be added to its examples in policy {rule.get('policy', '')}:"
        )
        code(example)
