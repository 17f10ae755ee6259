"""Accepting a change as the new normal, and taking that back: a reason, and one command through the agent."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Row

LONGEST: Final = 500
"""Characters of a reason, as the agent takes it."""

WORDS: Final = {
    "open": (
        "acceptfinding",
        "Accept as the new normal",
        "It is the new normal: what comes is compared with what it is now.",
    ),
    "accepted": ("reopenfinding", "Open it again", "It is open again, and compared with what was before it."),
}
"""By state: what is asked of the agent, what the button says, and what is said once it is done."""


def accepting(agent: AgentReads, row: Row) -> None:
    """Draw the form for a change that is open, or was accepted; nothing for others."""
    state, finding = row["state"] or "expired", str(row["id"])
    control = f"accept-{finding}"
    told(control)
    if state not in WORDS:
        return
    question, button, done = WORDS[state]
    st.subheader("Is this meant to be so?" if state == "open" else "Accepted")
    if not may(agent, "review"):
        return
    with st.form(control, clear_on_submit=True, border=False):
        reason = st.text_input("Reason", max_chars=LONGEST, placeholder="Why; it stands on the audit trail")
        if st.form_submit_button(button):
            _send(agent, control, question, done, finding, reason)


def _send(agent: AgentReads, control: str, question: str, done: str, finding: str, reason: str) -> None:
    if not reason.strip():
        st.warning("A reason is needed: whoever looks later wants to know why.")
    elif act(agent, control, question, done, id=finding, reason=reason):
        st.rerun()
    else:
        told(control)
