"""How long an experiment that has not begun would take, asked on the page on which experiments are read."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.client import Trouble
from dashboards.numbers import is_rate
from dashboards.rules import Rule, rules_of
from dashboards.scope import Context
from dashboards.text import as_sentence, label, one_line, plain
from dashboards.words import measure_name

MEASURES: Final = ("error", "duration_ms", "cost_usd", "output_chars", "output_tokens")
KEPT: Final = "experiment-plan"


def planning(context: Context) -> None:
    """Draw the form, and the answer to what was asked last of this application."""
    with st.expander("How long would a new experiment take?", icon=":material/schedule:"):
        st.caption("Told from what users did over the last four weeks, before anything is started.")
        app = context.scope.app
        if app is None:
            plain("Choose one application at the top of the page: users of several would not be in one experiment.")
            return
        _form(context, app, rules_of(context.agent))
        asked_of, said = st.session_state.get(KEPT, (None, ""))
        if asked_of == app:
            plain(as_sentence(said))


def _form(context: Context, app: str, rules: dict[str, Rule]) -> None:
    with st.form("experiment-plan-form", border=False):
        left, middle, right = st.columns((3, 3, 1))
        metrics = (*(f"rule:{rule_id}" for rule_id in rules), *MEASURES)
        metric = left.selectbox(
            "What it is about", metrics, format_func=lambda one: str(one_line(measure_name(one, rules)))
        )
        smallest = middle.number_input(
            "Smallest difference that matters",
            min_value=0.0,
            value=5.0,
            help="Of a share in points, else in its own unit.",
        )
        arms = right.number_input("Arms", 2, 20, 2, help="With the one that stays as it is.")
        if st.form_submit_button("How long?"):
            _ask(context, app, metric, smallest / (100 if is_rate(metric) else 1), int(arms))


def _ask(context: Context, app: str, metric: str, smallest: float, arms: int) -> None:
    st.session_state.pop(KEPT, None)
    try:
        told = context.agent.ask("experimentplan", app=app, metric=metric, smallest=smallest, arms=arms)
        st.session_state[KEPT] = (app, told["sentence"])
    except Trouble as trouble:
        st.warning(label(trouble, 400))
