"""Notes beside a finding or a trace: what people wrote, and a form to write one."""

from __future__ import annotations

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Row
from dashboards.numbers import when
from dashboards.text import plain

LONGEST = 4000
"""Characters of one note, as the agent takes it."""


def notes(agent: AgentReads, subject: str) -> None:
    """Draw the notes on `subject`, and the form for another."""
    st.subheader("Notes")
    for note in agent.notes(subject):
        _one(note)
    control = f"note-{subject}"
    if may(agent, "review"):
        with st.form(control, clear_on_submit=True, border=False):
            text = st.text_area(
                "Write a note", max_chars=LONGEST, placeholder="What you found, or what was done about it"
            )
            if st.form_submit_button("Add note") and act(
                agent, control, "addnote", "The note was added.", id=subject, text=text
            ):
                st.rerun()
        told(control)


def _one(note: Row) -> None:
    with st.container(border=True):
        with st.container(key=f"muted-note-{note['id']}"):
            st.text(f"{note['author']}, {when(note['at'])}")
        plain(note["text"])
