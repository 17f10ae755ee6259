"""What people do about the alert they look at: take it up, silence it, hear it again, close it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Row
from dashboards.numbers import when
from dashboards.text import plain

LASTS: Final = {
    "1 hour": "1h",
    "4 hours": "4h",
    "1 day": "1d",
    "7 days": "7d",
    "until it is good again": "",
}
FOR_GOOD: Final = "9999"
"""The year in which a silence ends that lasts until its alert is good again."""

WORTH: Final = {"it was useful": True, "it was not useful": False, "no opinion": None}


def standing(row: Row) -> str:
    """Return who has taken an alert up and until when it is silent, as a sentence; "" when nobody did anything."""
    parts = []
    if row["acked_by"]:
        parts.append(f"Taken up by {row['acked_by']}, {when(row['acked_at'])}.")
    if row["silenced_until"]:
        until = "it is good again" if str(row["silenced_until"]).startswith(FOR_GOOD) else when(row["silenced_until"])
        parts.append(f"Silent until {until}.")
    return " ".join(parts)


def acts(agent: AgentReads, row: Row) -> None:
    """Draw what can be done about an open alert, and what became of the last thing that was."""
    said = standing(row)
    if said:
        plain(said)
    control = f"act-{row['fingerprint']}"
    if row["state"] == "firing" and may(agent, "operate"):
        first, second, third, fourth = st.columns(4)
        with first:
            _take_up(agent, row, control)
        with second, st.popover("Silence", icon=":material/notifications_off:", width="stretch"):
            _silence(agent, row, control)
        with third, st.popover("Close", icon=":material/check:", width="stretch"):
            _close(agent, row, control)
        with fourth, st.popover("Incident", icon=":material/emergency:", width="stretch"):
            _incident(agent, row, control)
    told(control)


def _take_up(agent: AgentReads, row: Row, control: str) -> None:
    if row["acked_by"]:
        st.button("Taken up", icon=":material/back_hand:", disabled=True, width="stretch")
        return
    help_text = "Nobody is reminded of it until it gets worse; those who were told of it hear that you have it."
    if st.button("I take this up", icon=":material/back_hand:", help=help_text, width="stretch", type="primary"):
        _do(agent, control, "ackalert", "You have taken it up.", row)


def _silence(agent: AgentReads, row: Row, control: str) -> None:
    if row["silenced_until"]:
        plain("Nothing is said about it now. What waited is told when it is heard again.")
        if st.button("Hear it again"):
            _do(agent, control, "unsilencealert", "It is heard again.", row)
        return
    lasts = st.selectbox("For how long", list(LASTS))
    reason = st.text_input("Why", max_chars=200, placeholder="for those who wonder why nobody was told")
    if st.button("Silence it"):
        _do(
            agent,
            control,
            "silencealert",
            "It is silent; its end is told all the same.",
            row,
            reason=reason,
            lasts=LASTS[lasts],
        )


def _close(agent: AgentReads, row: Row, control: str) -> None:
    worth = st.radio("Was it worth its message?", list(WORTH))
    note = st.text_input("Note", max_chars=200)
    plain("It begins again once it was good, or when it gets worse.")
    if st.button("Close it"):
        _do(agent, control, "closealert", "It is closed.", row, useful=WORTH[worth], note=note)


def _incident(agent: AgentReads, row: Row, control: str) -> None:
    plain("It gets an owner and a timeline, and its examples are kept as evidence. Nothing is filed with anybody.")
    owner = st.text_input("Owner", value=row.get("owner") or "", max_chars=100)
    if st.button("Open an incident"):
        _do(agent, control, "openincident", "The incident is open: see the page Incidents.", row, owner=owner)


def _do(agent: AgentReads, control: str, question: str, done: str, row: Row, **more: str | bool | None) -> None:
    act(agent, control, question, done, fingerprint=row["fingerprint"], **more)
    st.rerun()
