"""What else becomes of an answer that somebody judged: an example of the policy, an evaluation case, a request that it be erased."""

from __future__ import annotations

import json
from typing import Final

import streamlit as st

from dashboards.client import AgentReads, Trouble
from dashboards.erasures import ask_erasure
from dashboards.text import code, label, plain

ERASE: Final = "It holds what should not be kept, as somebody found in a review."
LABELS: Final = ("violates", "complies", "borderline")
"""What may be an example; who cannot judge an answer makes no example of it."""


def onward(agent: AgentReads, unit_id: str, said: dict[str, str]) -> None:
    """Draw the ways on for an answer of which somebody said `said` (rule -> verdict)."""
    with st.expander("Make more of the answer you judged last"):
        for rule, verdict in said.items():
            if verdict in LABELS:
                _dataset(agent, unit_id, rule, verdict)
        ask_erasure(agent, unit_id, ERASE)


def _dataset(agent: AgentReads, unit_id: str, rule: str, verdict: str) -> None:
    with st.container(horizontal=True):
        example = st.button(f"Example of {label(rule)}", icon=":material/rule:", key=f"example-{rule}-{unit_id}")
        case = st.button(f"Evaluation case of {label(rule)}", icon=":material/science:", key=f"case-{rule}-{unit_id}")
    asked = {"id": unit_id, "rule": rule, "label": verdict}
    try:
        if example:
            plain("The change to the file of the policy, ready for git apply:")
            code(str(agent.ask("asexample", **asked)["diff"]), "diff")
        if case:
            plain("One line for a file of evaluation cases:")
            code(json.dumps(agent.ask("ascase", **asked), ensure_ascii=True), "json")
    except Trouble as trouble:
        st.warning(label(trouble, 300))
