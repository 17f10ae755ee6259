"""Who is signed in, on every page, and the way out."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.client import Api
from dashboards.text import label

SIGN_OUT: Final = '<div style="text-align:right"><a href="/sign-out">Sign out</a></div>'
"""A link of Streamlit's own would open another tab; nothing in this one comes from anybody."""


def name_tag(agent: Api) -> None:
    """Draw the name of whoever looks, in which role, and a link to sign out."""
    me = agent.me()
    who, out = st.columns([5, 1])
    who.caption(label(f"Signed in as {me['name']}, {me['role']}", 200), text_alignment="right")
    with out:
        st.html(SIGN_OUT)
