"""Holds past their date, on the first page: somebody must decide whether the evidence is still needed."""

from __future__ import annotations

import streamlit as st

from dashboards.client import AgentReads, Row
from dashboards.numbers import day
from dashboards.text import label

SHOWN = 5


def past_due(agent: AgentReads) -> None:
    """List the holds that are past due; draws nothing while there is none."""
    if not (agent.status().get("holds") or {}).get("past_due"):
        return
    late = [hold for hold in agent.holds() if hold["past_due"]]
    if late:
        st.warning("  \n".join(_line(hold) for hold in late[:SHOWN]) + _more(late), icon=":material/gavel:")


def _line(hold: Row) -> str:
    return (
        f"Hold {int(hold['id'])} on the evidence of {'an' if hold['kind'] == 'app' else 'a'} {label(hold['kind'])} was to end on {day(hold['until'])}. "
        f"{label(hold['owner'])} answers for it: {label(hold['reason'], 200)}"
    )


def _more(late: list[Row]) -> str:
    rest = len(late) - SHOWN
    return f"  \nand {rest} more (plumbline hold list)" if rest > 0 else ""
