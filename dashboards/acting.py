"""How a page acts: one command under a key of its own, and beside the control what happened, or why not.

A command keeps its key until the agent has answered it: whoever clicks twice, or again after a broken connection, has it done once. Who
acts is whoever is signed in; the agent decides whether they may.
"""

from __future__ import annotations

import secrets

import streamlit as st

from dashboards.client import AgentReads, Given, Refused, Trouble
from dashboards.text import label


def may(agent: AgentReads, scope: str) -> bool:
    """Whether whoever looks may do what needs `scope`; where not, this says so in place of the control."""
    if scope in agent.me()["scopes"]:
        return True
    with st.container(key=f"muted-may-{scope}"):
        st.text("Your role does not allow this; an admin gives roles.")
    return False


def act(agent: AgentReads, control: str, question: str, done: str, **params: Given) -> bool:
    """Send one command for `control` and remember for `told` what became of it; return whether it was done."""
    key = st.session_state.setdefault(f"{control}-key", secrets.token_hex(16))
    try:
        agent.command(question, key, **params)
    except Trouble as trouble:
        st.session_state[f"{control}-told"] = (False, str(trouble))
        if isinstance(trouble, Refused):  # nothing was done, and what is sent next may be something else
            del st.session_state[f"{control}-key"]
        return False
    del st.session_state[f"{control}-key"]
    st.session_state[f"{control}-told"] = (True, done)
    return True


def told(control: str) -> None:
    """Say beside the control what became of its last command, once."""
    outcome = st.session_state.pop(f"{control}-told", None)
    if outcome is None:
        return
    well, words = outcome
    if well:
        st.success(label(words, 300), icon=":material/check:")
    else:
        st.error(label(words, 300), icon=":material/block:")
