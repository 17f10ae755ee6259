"""Rates of the last four weeks of rules that judges decide: what people's labels make of a judge's verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboards.client import Busy, Row, where_told
from dashboards.numbers import count, share, share_interval
from dashboards.scope import Context
from dashboards.words import method_words


def four_weeks(context: Context) -> Mapping[tuple[str, str], Row]:
    """Return the rates by rule and app; none where the agent tells none, or nothing was decided."""
    try:
        rates: list[Row] = where_told(context.agent, "judgedrates", [])
    except Busy:
        st.caption("The rates of the last four weeks are still being reckoned. Look again in a minute.")
        return {}
    return {(row["rule_id"], row["app"]): row for row in rates if row["value"] is not None}


def in_words(rate: Row) -> str:
    """Return a rate as a sentence, with how it came about."""
    labels = f", {count(rate['n_human'])} of them judged by people" if rate["n_human"] else ""
    return (
        f"In the last four weeks {share(rate['value'])} ({share_interval(rate['low'], rate['high'])}) of {count(rate['n_graded'])} answers{labels}. "
        f"{method_words(rate['method'])}"
    )
