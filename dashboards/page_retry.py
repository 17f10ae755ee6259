"""A page that could not be drawn is tried again: by itself now and then, or at a press."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

from dashboards.client import Trouble
from dashboards.text import label

EVERY_S: Final = 10
TRIED: Final = "tried-again"


@contextmanager
def calm(every_s: int) -> Iterator[None]:
    """Draw a part that is drawn anew every `every_s` seconds; when the agent does not answer that is one line until it does."""
    try:
        yield
    except Trouble as trouble:
        st.warning(label(trouble, 400), icon=":material/power_off:")
        st.caption(f"This page tries again by itself every {every_s} seconds.")


def try_again() -> None:
    """Draw the button, and begin to wait."""
    st.button("Try again", icon=":material/refresh:")
    st.session_state[TRIED] = False
    st.caption(f"This page tries again by itself every {EVERY_S} seconds.")
    _wait()


@st.fragment(run_every=EVERY_S)
def _wait() -> None:
    """The first run of a fragment belongs to the page; the later ones are its clock."""
    if st.session_state[TRIED]:
        st.rerun()
    st.session_state[TRIED] = True
