"""A/B: per experiment its arms, whether users were split as intended, the effects with intervals, the decision in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboards.charts.forest import intervals
from dashboards.client import Row
from dashboards.numbers import change, is_rate, metric_name, when
from dashboards.scope import Context
from dashboards.tables import draw, still
from dashboards.text import as_sentence, one_line, plain

TONES: Final = {"better": "good", "worse": "bad"}
COLOURS: Final = {"worse": "red", "better": "green", "blocked": "orange", "differs": "blue"}


def show(context: Context) -> None:
    """Draw the page."""
    comparisons = context.agent.read("comparisons")
    arms = context.agent.read("arms")
    names = sorted({(row["experiment"], row["app"] or "") for row in [*comparisons, *arms]})
    if not names:
        st.info(
            "No experiment yet. Arms are read from the attributes feature_flag.key and feature_flag.result.variant (or "
            "plumbline_sdk.experiment), from metadata named experiment and variant, and from those columns of imported "
            "rows; two arms with enough users are compared by themselves."
        )
        return
    wanted = st.query_params.get("experiment")
    for number, name in enumerate(sorted(names, key=lambda name: name[0] != wanted)):
        with st.container(border=True):
            _experiment(
                _title(name, names),
                [row for row in arms if (row["experiment"], row["app"] or "") == name],
                [row for row in comparisons if (row["experiment"], row["app"] or "") == name],
                number,
            )


def _title(name: tuple[str, str], names: Sequence[tuple[str, str]]) -> str:
    """The name of an experiment; where another app has one of the same name, with its app."""
    experiment, app = name
    return f"{experiment} in {app or 'no app'}" if sum(other == experiment for other, _ in names) > 1 else experiment


def _experiment(name: str, arms: Sequence[Row], comparisons: Sequence[Row], number: int) -> None:
    with st.container(key=f"name-{number}"):
        plain(name)
    for place, answer in enumerate(dict.fromkeys(_answer(row)[0] for row in comparisons)):
        with st.container(key=f"sentence-{number}-{place}"):
            plain(as_sentence(answer))
    with st.container(key=f"muted-{number}"):
        read = max((row["computed_at"] for row in comparisons), default=None)
        control = comparisons[0]["control"] if comparisons else None
        plain(
            f"Control: {control or 'not chosen yet'}. Read {when(read)}. All traffic of the experiment, whatever the time range."
        )
    left, right = st.columns([2, 5], gap="large")
    with left:
        _arms(arms, comparisons)
    with right:
        if not comparisons:
            st.caption("No comparison yet: each arm needs more users.")
        ordered = sorted(comparisons, key=lambda row: row["decision"] not in COLOURS)
        told = dict.fromkeys(
            row["metric"] for row in ordered if row["effect"] is not None or row["decision"] == "blocked"
        )
        for place, metric in enumerate(told):
            _metric(metric, [row for row in comparisons if row["metric"] == metric], f"{number}-{place}")
        _silent([row for row in comparisons if row["metric"] not in told], number)


def _answer(row: Row) -> tuple[str, str]:
    """What to do with the arm, and what was measured: a reason begins with the one and goes on with the other."""
    answer, _, measured = str(row["reason"]).partition(". ")
    return answer, measured or answer


def _arms(arms: Sequence[Row], comparisons: Sequence[Row]) -> None:
    total = sum(row["n_units"] for row in arms)
    cells = [
        {
            "arm": one_line(row["arm"]),
            "n_units": row["n_units"],
            "share": row["n_units"] / total if total else None,
            "n_turns": row["n_turns"],
        }
        for row in arms
    ]
    columns: dict[str, Any] = {
        "arm": st.column_config.TextColumn("Arm", width=110),
        "n_units": st.column_config.NumberColumn("Users", format="localized", width=65),
        "share": st.column_config.NumberColumn("Share", format="percent", width=70),
        "n_turns": st.column_config.NumberColumn("Turns", format="localized", width=65),
    }
    still(cells, columns)
    blocked = next((row for row in comparisons if row["decision"] == "blocked"), None)
    if blocked is not None:
        st.badge("split is off", color="orange", icon=":material/warning:")
        plain(as_sentence(_answer(blocked)[1]))
    elif comparisons:
        st.badge("split is as intended", color="green", icon=":material/check:")
        st.caption("The sample-ratio check has found no sign that users went missing from an arm.")


def _silent(rows: Sequence[Row], number: int) -> None:
    """Comparisons that cannot be made yet: a line each instead of an empty chart each."""
    for place, row in enumerate(rows):
        with st.container(key=f"muted-silent-{number}-{place}"):
            plain(f"{metric_name(row['metric'])}, {row['arm']}: {as_sentence(row['reason'])}")


def _metric(metric: str, rows: Sequence[Row], place: str) -> None:
    plain(metric_name(metric))
    known = [row for row in rows if row["low"] is not None and row["high"] is not None]
    if known:
        small = max(abs(row[key]) for row in known for key in ("low", "high")) < 10
        format_ = "+.1%" if is_rate(metric) else "+.2f" if small else "+,.3~s"
        draw(intervals([_row(row) for row in known], zero=True, format_=format_, row_height=34))
    for number, row in enumerate(rows):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"muted-{place}-{number}"):
            st.badge(row["decision"], color=COLOURS.get(row["decision"], "gray"))  # type: ignore[arg-type]  # our words
            plain(_says(metric, row))


def _row(row: Row) -> Row:
    return {
        "name": f"{row['arm']} against {row['control']}",
        "value": row["effect"],
        "low": row["low"],
        "high": row["high"],
        "n": row["n_arm"] + row["n_control"],
        "tone": TONES.get(row["decision"], "calm"),
    }


def _says(metric: str, row: Row) -> str:
    size = ""
    if row["effect"] is not None:
        low, high = (change(metric, row[key]) for key in ("low", "high"))
        size = f"{change(metric, row['effect'])} ({low.removesuffix(' points')} to {high}). "
    return f"{row['arm']}: {size}{as_sentence(row['reason'])}"
