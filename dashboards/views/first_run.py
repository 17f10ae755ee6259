"""What an empty store shows: the variables to set, and a line that turns green on the first span."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.client import AgentReads, Trouble
from dashboards.connect import VARIABLES, WAYS, collector_url, lines
from dashboards.process import Commands
from dashboards.text import code, label, plain

WAIT_S: Final = 2.0


def has_spans(agent: AgentReads) -> bool:
    """Whether anything has arrived yet."""
    return any(row["n_spans"] > 0 for row in agent.read("arrivals"))


def show(agent: AgentReads, commands: Commands) -> None:
    """Draw the page."""
    st.header("Send the first trace")
    st.write("Plumbline listens, and nothing has arrived yet. Set these variables where your application starts:")
    url = collector_url(agent.status())
    code(VARIABLES.format(url=url), "bash", height=150)
    st.write(
        "Then start the application with the OpenTelemetry instrumentation of its model library. "
        "Any OTLP exporter that speaks HTTP works; no code of Plumbline goes into your application."
    )
    _waiting(agent)
    with st.expander("Other languages and libraries"):
        others(url)
    st.write("No application at hand? In another terminal, this plays two weeks of made-up traffic into Plumbline:")
    code(commands.line("demo"), "bash")
    st.write("Logs at hand? This reads JSON lines, Parquet, CSV and OTLP files, with the name of yours for FILE:")
    code(commands.line("import FILE"), "bash")


def others(url: str) -> None:
    """Draw the choice of ways to connect an application."""
    way = st.selectbox("Language or library", list(WAYS), key="connect", bind="query-params")
    code(lines(way, url), "bash")


@st.fragment(run_every=WAIT_S)
def _waiting(agent: AgentReads) -> None:
    try:
        arrived = has_spans(agent)
    except Trouble as trouble:
        st.warning(label(trouble, 400), icon=":material/power_off:")
        return
    if not arrived:
        st.info("Waiting for the first span. This page looks every two seconds.", icon=":material/hourglass_empty:")
        _refused(agent)
        return
    st.success("The first span has arrived.", icon=":material/check_circle:")
    if st.session_state.get("greeted"):
        st.rerun()  # one look in green, then the real page
    st.session_state["greeted"] = True


def _refused(agent: AgentReads) -> None:
    """Somebody who knocks and is sent away is nearer to a first span than silence, and should read why."""
    reasons = [row["reasons"] for row in agent.read("ledger") if row["reasons"]]
    if reasons:
        st.warning("Something arrived and was refused:", icon=":material/block:")
        plain("\n".join(reasons))
