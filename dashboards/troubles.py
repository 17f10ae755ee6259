"""The banner on every page while something of Plumbline's own is not well: silence of a broken part looks like health."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboards.client import AgentReads, Row
from dashboards.text import label

MOST = 3
"""Parts that are named; the rest are counted."""


def banner(agent: AgentReads) -> None:
    """Say which parts fail, since when, and what is missing meanwhile. Draws nothing while all is well."""
    parts = agent.status().get("unwell") or []
    if parts:
        st.error("  \n".join(sentences(parts)), icon=":material/report:")


def sentences(parts: Sequence[Row]) -> list[str]:
    """Return what is said of failing parts, each line escaped for Markdown."""
    lines = [
        f"Not well since {label(_minute(part['since']), 20)}: {label(part['part'])} has failed {part['failures']} times in a row "
        f"({label(part['error'], 200)})"
        for part in parts[:MOST]
    ]
    more = [f"and {len(parts) - MOST} more"] if len(parts) > MOST else []
    return [
        *lines,
        *more,
        "What it decides is missing until it works again; `plumbline doctor` and the log of the agent say more.",
    ]


def _minute(instant: object) -> str:
    return f"{str(instant)[:16].replace('T', ' ')} UTC"
