"""The dashboard's one script: navigation, the bar on top, and one calm line when the agent does not answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.client import Api, Trouble
from dashboards.process import arguments
from dashboards.scope import Context, bar
from dashboards.text import label
from dashboards.theme import CSS, ICON, logo
from dashboards.views import alerts, drift, experiments, first_run, overview, quality, sources, traces

Show = Callable[[Context], None]

VIEWS: Final[dict[str, tuple[str, str, Show]]] = {
    "overview": ("Overview", ":material/monitoring:", overview.show),
    "traces": ("Traces", ":material/account_tree:", traces.show),
    "quality": ("Quality", ":material/fact_check:", quality.show),
    "drift": ("Drift", ":material/trending_up:", drift.show),
    "ab": ("A/B", ":material/call_split:", experiments.show),
    "alerts": ("Alerts", ":material/notifications:", alerts.show),
    "sources": ("Sources", ":material/sensors:", sources.show),
}

DEEP_LINKS: Final = {"trace": "traces", "finding": "drift", "alert": "alerts", "experiment": "ab", "source": "sources"}
"""What a link to the bare address may name, and the page that shows it."""


@st.cache_resource(show_spinner=False)
def api(url: str, token_file: Path) -> Api:
    """One connection for all sessions."""
    return Api(url, token_file)


def main() -> None:
    """Draw the page that the address names. The bar is drawn here, not by the page, so that it outlives the page."""
    given = arguments(sys.argv[1:])
    st.set_page_config(page_title=given.title, page_icon=ICON, layout="wide")
    st.html(CSS)
    st.logo(logo(given.title), size="large")
    stage: list[Context] = []
    PAGES.update({name: _page(name, stage) for name in VIEWS})
    chosen = st.navigation(list(PAGES.values()), position="top")
    try:
        if chosen.url_path == PAGES["overview"].url_path:
            _follow_deep_link()
        _draw(api(given.api, given.token_file), stage, chosen)
    except Trouble as trouble:
        st.warning(label(trouble, 400), icon=":material/power_off:")


PAGES: Final[dict[str, st.Page]] = {}


def _page(name: str, stage: list[Context]) -> st.Page:
    title, icon, show = VIEWS[name]
    return st.Page(lambda: show(stage[-1]), title=title, icon=icon, url_path=name, default=name == "overview")


def _draw(source: Api, stage: list[Context], chosen: st.Page) -> None:
    now = datetime.now(UTC)
    scope = bar(source, now)
    if scope.last is None and not first_run.has_spans(source):
        first_run.show(source)
        return
    stage.append(Context(source, scope, now, go))
    chosen.run()


def _follow_deep_link() -> None:
    asked = st.query_params.to_dict()
    page = asked.get("page") if asked.get("page") in VIEWS else None
    target = page or next((page for key, page in DEEP_LINKS.items() if key in asked), None)
    if target not in {None, "overview"}:
        go(str(target), {key: value for key, value in asked.items() if key != "page"})


def go(page: str, params: dict[str, str]) -> None:
    """Open another page with `params` in its address.

    The bar keeps its choices by itself: they belong to its widgets, and Streamlit refuses them from anybody else.
    """
    st.switch_page(PAGES[page], query_params=params)


main()
