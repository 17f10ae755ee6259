"""The body of one page as `dashboards.app` calls it; where it wants to go is kept in the session."""

from __future__ import annotations

import contextlib
import importlib
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from dashboards.client import Api
from dashboards.scope import Context, bar


def go(page: str, params: dict[str, str]) -> None:
    st.session_state["went"] = (page, params)


if "view" in st.session_state:
    source = Api(st.session_state["api"], Path(st.session_state["token"]))
    now = datetime.now(UTC)
    view = importlib.import_module(f"dashboards.views.{st.session_state['view']}")
    with contextlib.closing(source):
        view.show(Context(source, bar(source, now), now, go))
