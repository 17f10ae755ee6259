"""Who is signed in, on every page, and the way out."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboards.client import Api
from dashboards.theme import MUTED


def name_tag(agent: Api) -> None:
    """Draw the name of whoever looks, in which role, and a link to sign out."""
    me = agent.me()
    who = f"{escape(str(me['name']))}, {escape(str(me['role']))}"
    st.html(
        f'<div style="text-align:right;color:{MUTED};font-size:0.86rem">Signed in as {who} · '
        '<a href="/sign-out">Sign out</a></div>'
    )
