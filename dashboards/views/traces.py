"""Traces: the list with its filters, all of them in the URL. A click opens one trace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import streamlit as st

from dashboards.client import Given, Row
from dashboards.numbers import count, utc, when
from dashboards.scope import Context, say_if_missed
from dashboards.tables import LIST, turn_table
from dashboards.views import trace

PER_PAGE: Final = 50
VERDICTS: Final = ("violates", "complies", "borderline", "cannot_judge", "not_graded")
SORTS: Final = {
    "time": "newest first",
    "duration_ms": "slowest first",
    "cost_usd": "dearest first",
    "output_tokens": "longest answer first",
    "input_tokens": "longest input first",
    "n_tools": "most tools first",
}
PICKED: Final = ("model", "prompt_name", "prompt_version", "experiment", "variant")
"""Filters whose values are offered from the traffic itself."""
NAMES: Final = {
    "model": "Model",
    "prompt_name": "Prompt",
    "prompt_version": "Prompt version",
    "experiment": "Experiment",
    "variant": "Arm",
}


def show(context: Context) -> None:
    """Draw the list, or the one trace that the address names."""
    filters = _stored_filters(context)
    wanted = st.query_params.get("trace")
    if wanted:
        trace.show(context, wanted, filters)
        return
    say_if_missed(context.scope)
    _list(context, _filters(context))


def _stored_filters(context: Context) -> dict[str, Given]:
    """The filters of the list one came from: next and previous stay within them."""
    kept: dict[str, Given] = st.session_state.get("trace_filters", {})
    return {**kept, **context.scope.params}


def _filters(context: Context) -> dict[str, Given]:
    facets = context.agent.read("facets", **context.scope.params)
    with st.container(key="filters"):
        first = st.columns([4, 2, 2, 2, 1.4], vertical_alignment="bottom")
    with first[0]:
        text = st.text_input("Search in texts", key="q", bind="query-params", placeholder="words a user said or saw")
    with first[1]:
        rule = _pick("Rule", "rule", _values(facets, "rule"))
    with first[2]:
        verdict = _pick("Verdict", "verdict", VERDICTS, free=False)
    with first[3]:
        sort = st.selectbox("Order", list(SORTS), format_func=SORTS.__getitem__, key="sort", bind="query-params")
    with first[4]:
        errors = st.toggle("Errors only", key="errors", bind="query-params")
    chosen = {name: st.session_state.get(name) for name in (*PICKED, "user", "session", "min_s")}
    active = sum(bool(value) for value in chosen.values())
    with st.expander(f"More filters{f' ({active} in use)' if active else ''}", expanded=bool(active)):
        more = _more_filters(facets)
    filters: dict[str, Given] = {"text": text, "rule": rule, "verdict": verdict, "errors": errors or None, **more}
    st.session_state["trace_filters"] = filters
    return {**filters, "sort": sort, **context.scope.params}


def _more_filters(facets: Sequence[Row]) -> dict[str, Given]:
    chosen: dict[str, Given] = {}
    cells = st.columns(4) + st.columns(4)
    for cell, name in zip(cells, PICKED, strict=False):
        with cell:
            chosen[name] = _pick(NAMES[name], name, _values(facets, name))
    with cells[5]:
        chosen["user"] = st.text_input("User", key="user", bind="query-params")
    with cells[6]:
        chosen["session"] = st.text_input("Session", key="session", bind="query-params")
    with cells[7]:
        seconds = st.number_input("At least (s)", min_value=0.0, value=0.0, step=0.5, key="min_s", bind="query-params")
    return {**chosen, "min_ms": 1000 * seconds or None}


def _pick(name: str, key: str, values: Sequence[str], *, free: bool = True) -> str | None:
    chosen: str | None = st.selectbox(
        name, list(values), index=None, placeholder="any", key=key, bind="query-params", accept_new_options=free
    )
    return chosen


def _values(facets: Sequence[Row], name: str) -> list[str]:
    return [row["value"] for row in facets if row["facet"] == name]


def _list(context: Context, filters: dict[str, Given]) -> None:
    asked = repr(sorted(filters.items(), key=str)) if filters else ""
    ends = _ends_of_pages({**filters, "start": None, "end": None})
    page: dict[str, Given] = {"limit": PER_PAGE, "after": ends[-1] if ends else None, **filters}
    rows = context.agent.read("traces", **page)
    since = rows[0]["searched_from"] if rows else _searched_from(context, page)
    if rows:
        turn_table(context, rows, LIST, key=f"traces-{len(ends)}-{hash(asked) % 10_000}")
    elif since is None:
        st.info("No turn passes these filters. Turns appear a few seconds after their trace has ended.")
    else:
        st.info(
            "No turn whose texts hold these words in this stretch of time. Texts are searched newest first, a stretch at a time."
        )
    _pager(ends, rows, since, further=filters["sort"] == "time")


def _searched_from(context: Context, page: dict[str, Given]) -> datetime | None:
    """Since when a search that found nothing looked at everything; None is: all there is."""
    reach = context.agent.read("search_reach", **page) if page.get("text") else []
    return reach[0]["searched_from"] if reach else None


def _ends_of_pages(filters: dict[str, Any]) -> list[str]:
    """Where each page before this one ended; none when the filters change."""
    asked = repr(sorted(filters.items()))
    if st.session_state.get("list_asked") != asked:
        st.session_state["list_asked"], st.session_state["list_ends"] = asked, []
    ends: list[str] = st.session_state["list_ends"]
    return ends


def _pager(ends: list[str], rows: Sequence[Row], since: datetime | None, *, further: bool) -> None:
    """Back and next; where a search has a horizon, next goes on behind it."""
    full = len(rows) == PER_PAGE
    beyond = since is not None and further and not full
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_where(PER_PAGE * len(ends), rows, since))
        st.space("stretch")
        if st.button("Back", disabled=not ends, icon=":material/chevron_left:"):
            _turn_to(ends[:-1])
        name = "Search further back" if beyond else "Next"
        if st.button(name, disabled=not (full or beyond), icon=":material/chevron_right:", icon_position="right"):
            _turn_to([*ends, rows[-1]["cursor"] if full or since is None else _behind(since)])


def _where(before: int, rows: Sequence[Row], since: datetime | None) -> str:
    """Which rows these are, of how many."""
    if since is not None:
        return f"Searched back to {when(since)}; {count(len(rows))} shown. Click a cell to open its trace."
    if not rows:
        return ""
    return f"{count(before + 1)} to {count(before + len(rows))} of {count(rows[0]['n_found'])}. Click a cell to open its trace."


def _behind(since: datetime) -> str:
    """The cursor behind everything that is not older than `since`."""
    return f"inf {-int(utc(since).timestamp() * 1_000_000)} \U0010ffff"


def _turn_to(ends: list[str]) -> None:
    st.session_state["list_ends"] = ends
    st.rerun()
