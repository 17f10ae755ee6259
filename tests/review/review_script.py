"""The review page as `dashboards.app` draws it: one connection for the whole session, which callbacks use, too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from dashboards.client import Api
from dashboards.scope import Context, bar
from dashboards.views import review


def go(page: str, params: dict[str, str]) -> None:
    st.session_state["went"] = (page, params)


if "api" in st.session_state:
    if "source" not in st.session_state:
        st.session_state["source"] = Api(st.session_state["api"], Path(st.session_state["token"]))
    source = st.session_state["source"]
    now = datetime.now(UTC)
    review.show(Context(source, bar(source, now), now, go))
