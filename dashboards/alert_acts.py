"""What people do about the alert they look at: take it up, give it to somebody, silence it or what is like it, comment, close it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Row, Trouble
from dashboards.numbers import when
from dashboards.text import one_line, parsed, plain

LASTS: Final = {
    "1 hour": "1h",
    "4 hours": "4h",
    "1 day": "1d",
    "7 days": "7d",
    "until it is good again": "",
}
FOR_GOOD: Final = "9999"
"""The year in which a silence ends that lasts until its alert is good again."""

SNOOZES: Final = {"30 minutes": "30m", "1 hour": "1h", "4 hours": "4h", "1 day": "1d"}

THIS: Final = "this alert"
SHOWN: Final = 5
"""Alerts that a preview names."""

WORTH: Final = {"it was useful": True, "it was not useful": False, "no opinion": None}


def standing(row: Row) -> str:
    """Return who has taken an alert up and until when it is silent, as a sentence; "" when nobody did anything."""
    parts = []
    if row["acked_by"]:
        parts.append(f"Taken up by {row['acked_by']}, {when(row['acked_at'])}.")
    if row.get("assigned_to"):
        parts.append(f"Given to {row['assigned_to']}.")
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
    if row["state"] in {"firing", "resolved"} and may(agent, "operate"):
        with st.container(horizontal=True, key="alert-acts"):
            if row["state"] == "firing":
                _while_it_fires(agent, row, control)
            with st.popover("Comment", icon=":material/comment:"):
                _comment(agent, row, control)
            with st.popover("Close" if row["state"] == "firing" else "Was it useful?", icon=":material/check:"):
                _close(agent, row, control)
    told(control)


def _while_it_fires(agent: AgentReads, row: Row, control: str) -> None:
    _take_up(agent, row, control)
    with st.popover("Silence", icon=":material/notifications_off:"):
        _silence(agent, row, control)
    with st.popover("Snooze", icon=":material/snooze:"):
        _snooze(agent, row, control)
    with st.popover("Give to", icon=":material/person_add:"):
        _assign(agent, row, control)
    with st.popover("Incident", icon=":material/emergency:"):
        _incident(agent, row, control)


def _take_up(agent: AgentReads, row: Row, control: str) -> None:
    if row["acked_by"]:
        st.button("Taken up", icon=":material/back_hand:", disabled=True)
        return
    help_text = "Nobody is reminded of it until it gets worse; those who were told of it hear that you have it."
    if st.button("I take this up", icon=":material/back_hand:", help=help_text, type="primary"):
        _do(agent, control, "ackalert", "You have taken it up.", row)


def _silence(agent: AgentReads, row: Row, control: str) -> None:
    if row["silenced_until"]:
        plain("Nothing is said about it now. What waited is told when it is heard again.")
        if st.button("Hear it again"):
            _do(agent, control, "unsilencealert", "It is heard again.", row)
        return
    wider = _wider(row)
    what = st.selectbox("What", [THIS, *wider])
    lasts = st.selectbox("For how long", list(LASTS))
    reason = st.text_input("Why", max_chars=200, placeholder="for those who wonder why nobody was told")
    if what in wider:
        _preview(agent, wider[what], lasts=LASTS[lasts])
    if st.button("Silence it"):
        done = "It is silent; its end is told all the same."
        if what in wider:
            act(agent, control, "silencealerts", done, where=wider[what], reason=reason, lasts=LASTS[lasts])
            st.rerun()
        _do(agent, control, "silencealert", done, row, reason=reason, lasts=LASTS[lasts])


def _wider(row: Row) -> dict[str, str]:
    """What is like this alert, in words, and the conditions that say so to the agent."""
    labels = parsed(row["labels"], {})
    app = labels.get("app")
    known = {f"everything about {one_line(app, 60)}": f"app={app}"} if app else {}
    return known | {"every alert of this alert rule": f"id={row['rule_id']}"}


def _preview(agent: AgentReads, where: str, *, lasts: str) -> None:
    """Say which alerts it would hold now."""
    try:
        held = agent.ask("wouldsilence", where=where)
    except Trouble as trouble:
        plain(str(trouble))
        return
    more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
    then = ", and what fires until then" if lasts else ", each until it is good again"
    plain(f"Holds {len(held)} now{then}:" if held else f"Holds nothing now{then}.")
    if held:
        plain("\n".join(f"- {one_line(alert['title'], 120)}" for alert in held[:SHOWN]) + more)


def _snooze(agent: AgentReads, row: Row, control: str) -> None:
    plain("Nothing is said until then; after that it is said again, unless it is good.")
    lasts = st.selectbox("Until in", list(SNOOZES), index=1)
    if st.button("Snooze it"):
        _do(agent, control, "snoozealert", "It is snoozed.", row, lasts=SNOOZES[lasts])


def _assign(agent: AgentReads, row: Row, control: str) -> None:
    person = st.text_input("To whom", max_chars=100, placeholder="a name; a receiver of that name is told")
    if st.button("Give it to them"):
        _do(agent, control, "assignalert", "It is given to somebody.", row, to=person)


def _comment(agent: AgentReads, row: Row, control: str) -> None:
    text = st.text_area("For the trail", max_chars=1000)
    if st.button("Write it down"):
        _do(agent, control, "commentalert", "It is written down.", row, text=text)


def _close(agent: AgentReads, row: Row, control: str) -> None:
    worth = st.radio("Was it worth its message?", list(WORTH))
    note = st.text_input("Note", max_chars=200)
    over = row["state"] == "resolved"
    if not over:
        plain("It begins again once it was good, or when it gets worse.")
    if st.button("Say so" if over else "Close it"):
        done = "It is written down." if over else "It is closed."
        _do(agent, control, "closealert", done, row, useful=WORTH[worth], note=note)


def _incident(agent: AgentReads, row: Row, control: str) -> None:
    plain("It gets an owner and a timeline, and its examples are kept as evidence. Nothing is filed with anybody.")
    owner = st.text_input("Owner", value=row.get("owner") or "", max_chars=100)
    if st.button("Open an incident"):
        _do(agent, control, "openincident", "The incident is open: see the page Incidents.", row, owner=owner)


def _do(agent: AgentReads, control: str, question: str, done: str, row: Row, **more: str | bool | None) -> None:
    act(agent, control, question, done, fingerprint=row["fingerprint"], **more)
    st.rerun()
