"""The dashboard's one script: navigation, the bar on top, and one calm line when the agent does not answer."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import streamlit as st

from dashboards.client import Api, SignedOut, Trouble
from dashboards.name_tag import name_tag
from dashboards.page_retry import try_again
from dashboards.pages import PAGES, Page, linked
from dashboards.process import Arguments, Commands, arguments
from dashboards.scope import Context, bar
from dashboards.text import label
from dashboards.theme import CSS, ICON, logo, repainted
from dashboards.troubles import banner
from dashboards.views import first_run


@st.cache_resource(show_spinner=False, max_entries=500)
def api(url: str, token_file: Path, session: str | None) -> Api:
    """One connection for everybody who may see the same: all tabs of one person, or of the owner."""
    return Api(url, token_file, session)


def whose(given: Arguments) -> str | None:
    """Return the session of whoever looks, None where nobody signs in. Raises `SignedOut`."""
    if not given.sign_in:
        return None
    session = st.context.cookies.get(given.cookie)
    if not session:
        raise SignedOut("You are signed out. Reload this page to sign in again.")
    return session


def main() -> None:
    """Draw the page that the address names. The bar is drawn here, not by the page, so that it outlives the page."""
    given = arguments(sys.argv[1:])
    st.set_page_config(page_title=given.title, page_icon=ICON, layout="wide")
    dark = st.context.theme.type == "dark"
    st.html(repainted(CSS, dark=dark))
    st.logo(repainted(logo(given.title), dark=dark), size="large")
    stage: list[Context] = []
    ENTRIES.update({page.path: _entry(page, stage) for page in PAGES})
    ENTRIES.update({page.opens: _twin(page, stage) for page in PAGES if page.named == "opened"})
    chosen = st.navigation(list(ENTRIES.values()), position="top")
    st.set_page_config(page_title=f"{chosen.title} · {given.title}")
    try:
        if chosen is ENTRIES[PAGES[0].path]:
            _follow_deep_link()
        _draw(api(given.api, given.token_file, whose(given)), stage, chosen, Commands(given.token_file.parent))
    except Trouble as trouble:
        st.warning(label(trouble, 400), icon=":material/power_off:")
        try_again()


ENTRIES: Final[dict[str, st.Page]] = {}


def _entry(page: Page, stage: list[Context]) -> st.Page:
    return st.Page(
        lambda: page.show(stage[-1]), title=page.title, icon=page.icon, url_path=page.path, default=page is PAGES[0]
    )


def _twin(page: Page, stage: list[Context]) -> st.Page:
    """The same page under a second address, which no menu shows.

    Streamlit leaves the address alone when a link leads to the page it stands on: one thing has an address beside that of the list.
    """
    return st.Page(
        lambda: page.show(stage[-1]), title=page.title, icon=page.icon, url_path=page.opens, visibility="hidden"
    )


def _draw(agent: Api, stage: list[Context], chosen: st.Page, commands: Commands) -> None:
    now = datetime.now(UTC)
    banner(agent)
    if agent.session:
        name_tag(agent)
    scope = bar(agent, now)
    if scope.last is None and not first_run.has_spans(agent):
        first_run.show(agent, commands)
        return
    stage.append(Context(agent, scope, now, go, partial(link, chosen)))
    _heading(chosen)
    chosen.run()


def _heading(chosen: st.Page) -> None:
    """The one heading of a page that does not draw its own: a page about one thing is headed by its name."""
    page = next(page for page in PAGES if chosen in (ENTRIES[page.path], ENTRIES.get(page.opens)))
    by_itself = page.named == "always" or (page.named == "opened" and st.query_params.get(page.opens))
    if not by_itself:
        st.title(page.title, anchor=False)


def _follow_deep_link() -> None:
    asked = st.query_params.to_dict()
    target = linked(asked)
    if target not in {None, PAGES[0].path}:
        go(str(target), {key: value for key, value in asked.items() if key != "page"})


def go(page: str, params: dict[str, str]) -> None:
    """Open another page with `params` in its address.

    The bar keeps its choices by itself: they belong to its widgets, and Streamlit refuses them from anybody else.
    """
    st.switch_page(ENTRIES[page], query_params=params)


def link(here: st.Page, page: str, params: dict[str, str], words: str) -> None:
    """Draw a link to a page with `params` in its address: one entry of the history, which Back undoes."""
    opens = next(one.opens for one in PAGES if one.path == page)
    twin = ENTRIES.get(opens) if opens in params else None
    target = twin or ENTRIES[page]
    if target is here:  # see `_twin`
        target = ENTRIES[page] if target is twin else _other(page)
    st.page_link(target, label=words, query_params=params)


def _other(path: str) -> st.Page:
    page = next(page for page in PAGES if page.path == path)
    return ENTRIES.get(page.opens, ENTRIES[path])


main()
