"""What became of the turns of a range: how many came, were picked, graded and decided, why others were not, whole and by who was spoken to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from dashboards.client import Row
from dashboards.numbers import count
from dashboards.rules import Rule
from dashboards.scope import Context
from dashboards.tables import still
from dashboards.text import one_line
from dashboards.words import value_words

STAGES: Final = {
    "received": ("came", ""),
    "readable": ("have an answer that can be read", "of the others no text was captured, or they failed"),
    "sampled": ("were picked to be graded", "sampling: in plumbline.yaml sets how many"),
    "graded": ("were graded", "the others are held to no policy, or wait for the next cycle"),
    "decided": ("got a verdict that decides", "of the others every grader said that it cannot tell"),
}
DIMENSIONS: Final = {
    "region": "Region",
    "channel": "Channel",
    "language": "Language",
    "audience": "Audience",
    "tenant": "Tenant",
}

_number = st.column_config.NumberColumn
_text = st.column_config.TextColumn


def funnel(context: Context, rules: Mapping[str, Rule]) -> None:
    """Say what became of the turns of the range, and why some are in no rate."""
    counts = next(iter(context.agent.read("funnel", **context.scope.params)), None)
    if counts is None or not counts["received"]:
        return
    _whole(counts)
    with st.expander(
        "Why answers are in no rate, and what became of them by region, channel, language, audience or tenant"
    ):
        _reasons(context, rules)
        _by_dimension(context)


def _whole(counts: Row) -> None:
    last = counts["received"]
    with st.container(key="pair-funnel"):
        cells = st.columns(len(STAGES))
    for cell, (key, (words, why)) in zip(cells, STAGES.items(), strict=True):
        lost = max(0, last - counts[key])
        last = counts[key]
        with cell:
            st.metric(
                words,
                count(counts[key]),
                delta=f"-{count(lost)}" if lost else None,
                delta_color="off",
                help=why or None,
            )


def _reasons(context: Context, rules: Mapping[str, Rule]) -> None:
    rows = context.agent.read("undecided", **context.scope.params)
    if not rows:
        st.caption("Every rule decided every answer that it was asked about.")
        return
    cells = [
        {"rule": one_line(_title(row["rule_id"], rules)), "reason": one_line(row["reason"], 300), "n": row["n"]}
        for row in rows
    ]
    still(
        cells,
        {
            "rule": _text("Rule", width=240),
            "reason": _text("Why it has no verdict", width=420),
            "n": _number("Answers"),
        },
    )


def _title(rule_id: str, rules: Mapping[str, Rule]) -> str:
    return rules[rule_id].title if rule_id in rules else rule_id


def _by_dimension(context: Context) -> None:
    chosen = st.selectbox(
        "What became of the turns by",
        list(DIMENSIONS),
        index=None,
        placeholder="choose one",
        format_func=DIMENSIONS.__getitem__,
        key="by",
        bind="query-params",
        width=260,
    )
    if chosen is None:
        return
    rows = context.agent.read("funnel_by", by=chosen, **context.scope.params)
    _say_others(rows)
    still(
        [{**row, "value": one_line(value_words(row["value"]))} for row in rows],
        {"value": _text(DIMENSIONS[chosen], width=200), **{key: _number(_short(key)) for key in STAGES}},
    )


def _say_others(rows: Sequence[Row]) -> None:
    unknown = sum(row["received"] for row in rows if row["value"] is None)
    total = sum(row["received"] for row in rows)
    if unknown:
        st.caption(
            f"{count(unknown)} of {count(total)} turns do not say it: rules that hold for some values only hold for these, too."
        )


def _short(stage: str) -> str:
    return {"received": "Came", "readable": "Readable", "sampled": "Picked", "graded": "Graded", "decided": "Decided"}[
        stage
    ]
