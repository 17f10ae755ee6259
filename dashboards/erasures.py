"""Requests to erase: the button that asks for one, and on the first page what waits for an admin."""

from __future__ import annotations

import streamlit as st

from dashboards.acting import act, told
from dashboards.client import AgentReads, Row, Trouble
from dashboards.numbers import count, when
from dashboards.text import plain

SHOWN = 5
LONGEST = 1000
"""Characters of a reason, as the agent takes it."""


def ask_erasure(agent: AgentReads, trace_id: str, reason: str) -> None:
    """Draw the button that asks for the erasure of a trace; not for who may not review."""
    if "review" not in agent.me()["scopes"]:
        return
    control = f"erase-{trace_id}"
    if st.button("Ask for its erasure", icon=":material/delete:", key=control):
        done = "An admin is asked to erase it; the first page tells them."
        act(agent, control, "askerasure", done, id=trace_id, reason=reason)
    told(control)


def requests(agent: AgentReads) -> None:
    """List what waits for whoever may erase; draws nothing for others, or while nothing waits."""
    told("erasures")
    if not (agent.status().get("erasures") or {}).get("waiting") or "admin" not in agent.me()["scopes"]:
        return
    waiting = [row for row in agent.ask("erasurerequests") if row["outcome"] is None]
    if not waiting:
        return
    st.subheader("Asked to be erased", anchor=False)
    for row in waiting[:SHOWN]:
        _one(agent, row)
    if len(waiting) > SHOWN:
        plain(f"and {count(len(waiting) - SHOWN)} more (plumbline erasures list)")


def _one(agent: AgentReads, row: Row) -> None:
    number = int(row["number"])
    with st.container(border=True, key=f"erasure-{number}"):
        plain(f"{row['asked_by']} asks to erase an answer of {_apps(row)}: {row['reason']}")
        with st.container(key=f"muted-erasure-{number}"):
            st.text(f"Request {number}, {when(row['asked_at'])}, trace {row['trace_id']}")
        with st.container(horizontal=True):
            with st.popover("Erase for good", icon=":material/delete_forever:"):
                st.text("It goes from every file, with all notes and labels on it. This cannot be undone.")
                if st.button("Yes, erase it", type="primary", key=f"grant-{number}"):
                    _grant(agent, number)
            with st.popover("Refuse", icon=":material/block:"):
                _refuse(agent, number)


def _apps(row: Row) -> str:
    return ", ".join(app or "an application without a name" for app in row["apps"])


def _grant(agent: AgentReads, number: int) -> None:
    try:
        with st.spinner("Erasing. Reads and the cycle wait meanwhile."):
            *_, last = agent.work("granterasure", number=number)  # type: ignore[attr-defined]  # of the running api only
        outcome = (last["state"] == "done", str(last["error"] or "The trace is erased."))
    except Trouble as trouble:
        outcome = (False, str(trouble))
    st.session_state["erasures-told"] = outcome
    st.rerun()


def _refuse(agent: AgentReads, number: int) -> None:
    with st.form(f"refuse-{number}", border=False):
        why = st.text_area("Why it stays", max_chars=LONGEST)
        if st.form_submit_button("Refuse it") and act(
            agent, "erasures", "refuseerasure", f"Request {number} is refused.", number=number, reason=why
        ):
            st.rerun()
