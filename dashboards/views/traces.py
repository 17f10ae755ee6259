"""Traces: the list with its filters, all of them in the URL. A click opens one trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboards.client import Given, Row
from dashboards.numbers import count
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
    page = _page_number({**filters, "start": None, "end": None})
    rows = context.agent.read("traces", limit=PER_PAGE, offset=PER_PAGE * page, **filters)
    if not rows:
        st.info("No turn passes these filters. Turns appear a few seconds after their trace has ended.")
        return
    found = rows[0]["n_found"]
    turn_table(context, rows, LIST, key=f"traces-{page}-{hash(asked) % 10_000}")
    _pager(page, found, len(rows))


def _page_number(filters: dict[str, Any]) -> int:
    """The page of the list; back to the first when the filters change."""
    asked = repr(sorted(filters.items()))
    if st.session_state.get("list_asked") != asked:
        st.session_state["list_asked"], st.session_state["list_page"] = asked, 0
    number: int = st.session_state["list_page"]
    return number


def _pager(page: int, found: int, shown: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        first = PER_PAGE * page + 1
        st.caption(f"{count(first)} to {count(first + shown - 1)} of {count(found)}. Click a cell to open its trace.")
        st.space("stretch")
        if st.button("Back", disabled=page == 0, icon=":material/chevron_left:"):
            _turn_to(page - 1)
        if st.button(
            "Next", disabled=first + shown - 1 >= found, icon=":material/chevron_right:", icon_position="right"
        ):
            _turn_to(page + 1)


def _turn_to(page: int) -> None:
    st.session_state["list_page"] = page
    st.rerun()
