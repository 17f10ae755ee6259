"""The address of what is on the screen, to hand to somebody else: filters and what is opened stand in it."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from dashboards.text import code


def address(page: str, chosen: dict[str, str]) -> str:
    """Return the address of a page with what is chosen on it.

    >>> address("http://127.0.0.1:8501/alerts", {"alert": "a1", "app": "shop & co"})
    'http://127.0.0.1:8501/alerts?alert=a1&app=shop+%26+co'
    """
    return f"{page}?{urlencode(chosen)}" if chosen else page


def copy_link() -> None:
    """Draw the way to the address of this page, with a button that copies it."""
    with st.popover("Link", icon=":material/link:", type="tertiary"):
        code(address(str(st.context.url or ""), st.query_params.to_dict()))
