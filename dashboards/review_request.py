"""The button that puts what somebody looks at into the next review."""

from __future__ import annotations

import streamlit as st

from dashboards.acting import act, told
from dashboards.client import AgentReads


def want(agent: AgentReads, subject: str) -> None:
    """Draw the button for a trace, a finding or an alert; not for who may not review."""
    if "review" not in agent.me()["scopes"]:
        return
    control = f"want-{subject}"
    if st.button("Put into the next review", icon=":material/rate_review:", key=control):
        act(agent, control, "wantitems", "It is in the next review.", id=subject)
    told(control)
