"""Incidents: what people answer for, who owns it, what happened, what is left to do, and a bundle to hand on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Refused, Row, Trouble, Unknown
from dashboards.listing import Column, listing
from dashboards.numbers import count, when
from dashboards.scope import Context
from dashboards.tables import facts
from dashboards.text import code, label, one_line, plain
from dashboards.words import COLOURS

KINDS: Final = {"a note": "note", "something to do": "task", "something that was done": "done"}


INCIDENTS: Final[tuple[Column[Row], ...]] = (
    Column("What", itemgetter("title"), link=lambda row: ("incidents", {"incident": str(row["number"])}), width=5),
    Column("State", itemgetter("status")),
    Column("Severity", itemgetter("severity"), colour=lambda row: COLOURS.get(row["severity"], "gray")),
    Column("Owner", itemgetter("owner"), width=2),
    Column("Opened", lambda row: when(row["opened_at"]), width=2),
    Column("Users", lambda row: count(row["n_users"])),
)


def show(context: Context) -> None:
    """Draw the list, or the one incident that the address names."""
    wanted = st.query_params.get("incident", "")
    if wanted:
        _one(context, wanted)
        return
    try:
        rows = context.agent.ask("incidents")
    except Refused as refused:  # an agent that is gone is the page's trouble, which tries again
        st.warning(label(refused, 400))
        return
    if not rows:
        st.info("No incident yet. An alert becomes one at the press of a button on its page.")
        return
    listing(context, "incidents", INCIDENTS, list(reversed(rows)))


def _one(context: Context, wanted: str) -> None:
    context.link("incidents", {}, "All incidents")
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0
    try:
        row = context.agent.ask("incident", number=number)
    except (Unknown, Refused) as trouble:
        st.title("Not found", anchor=False)
        st.info(label(trouble, 400))
        return
    st.title(label(row["title"], 200), anchor=False)
    with st.container(horizontal=True):
        st.badge(label(row["status"]), color="red" if row["status"] == "open" else "green")
        st.badge(label(row["severity"]), color=COLOURS.get(row["severity"], "gray"))  # type: ignore[arg-type]  # our own words
    _facts(row)
    _alerts(context, row["alerts"])
    _timeline(row["timeline"])
    _acts(context.agent, row)
    _bundle(context.agent, number)
    if row["playbook_text"]:
        with st.expander("Playbook", icon=":material/menu_book:"):
            code(row["playbook_text"])


def _facts(row: Row) -> None:
    weighed = row["weighed"]
    with st.container(border=True):
        facts(
            {
                "Owner": row["owner"],
                "Users who got it": count(row["n_users"]),
                "Answers": count(row["n_turns"]),
                "Opened": f"{when(row['opened_at'])} by {row['opened_by']}",
                "Closed": f"{when(row['closed_at'])} by {row['closed_by']}" if row["closed_at"] else None,
                "Why so grave": f"harm {weighed['harm']}, reach {weighed['reach']}, reversibility {weighed['reversibility']} of 3",
                "Playbook": row["playbook"],
                "What was learnt": row["review"],
            }
        )


def _alerts(context: Context, alerts: Sequence[Row]) -> None:
    st.subheader("What it is about")
    for alert in alerts:
        context.link("alerts", {"alert": alert["fingerprint"]}, label(alert["title"], 200))
        for text in (alert["affected"], alert["change"], alert["cause"]):
            if text:
                plain(text)
        for number, trace in enumerate(alert["examples"], 1):
            context.link("traces", {"trace": trace}, f"Example {number}")


def _timeline(steps: Sequence[Row]) -> None:
    st.subheader("What happened")
    with st.container(border=True, gap="small"):
        for step in steps:
            plain(f"{when(step['at'])}  {step['who']}: {one_line(step['what'], 400)}")


def _acts(agent: AgentReads, row: Row) -> None:
    control = f"incident-{row['number']}"
    if row["status"] == "open" and may(agent, "operate"):
        left, right = st.columns(2)
        with left, st.popover("Write", icon=":material/edit:", width="stretch"):
            kind = st.radio("What", list(KINDS))
            text = st.text_area("Text", max_chars=10_000)
            if st.button("Write it down"):
                _do(agent, control, "noteincident", "It is written down.", row, text=text, kind=KINDS[kind])
        with right, st.popover("Close", icon=":material/check:", width="stretch"):
            review = st.text_area("What was learnt", max_chars=10_000)
            if st.button("Close it"):
                _do(agent, control, "closeincident", "It is closed.", row, review=review)
    told(control)


def _do(agent: AgentReads, control: str, question: str, done: str, row: Row, **more: str) -> None:
    act(agent, control, question, done, number=row["number"], **more)
    st.rerun()


def _bundle(agent: AgentReads, number: int) -> None:
    """The files are asked for when somebody wants them."""
    if not st.button("Prepare the bundle (JSON, Markdown, hashes)", icon=":material/folder_zip:"):
        return
    try:
        files = agent.ask("exportincident", number=number)
    except Trouble as trouble:
        st.warning(label(trouble, 400))
        return
    st.download_button(
        "Download the bundle",
        packed(files),
        file_name=f"incident-{number}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
    )


def packed(files: Mapping[str, str]) -> bytes:
    """Return `files` as one archive."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return whole.getvalue()
