"""Drift: what changed, where, since when, by how much and how sure, with the metric over time and turns before and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any, Final

import streamlit as st

from dashboards.accepting import accepting
from dashboards.change_marks import told_marks
from dashboards.charts.over_time import rate_over_time
from dashboards.client import Row, Trouble
from dashboards.examples import before_and_after
from dashboards.listing import Column, listing
from dashboards.markup import draw
from dashboards.notes import notes
from dashboards.numbers import COUNTS, change, count, is_rate, measure, metric_name, utc, when, wilson
from dashboards.review_request import want
from dashboards.rules import rules_of
from dashboards.scope import Context, step_for
from dashboards.tables import facts, still
from dashboards.text import label, one_line, plain
from dashboards.two_windows import two_windows
from dashboards.words import change_sentence, circumstances, measure_name, place, went_on

BEFORE: Final = timedelta(days=10)
AFTER: Final = timedelta(days=6)
LONG_AFTER: Final = timedelta(days=30)
"""What is drawn of a change that went on: its sentence tells how far it has come."""

_text = st.column_config.TextColumn


def show(context: Context) -> None:
    """Draw the list, or the one finding that the address names."""
    wanted = st.query_params.get("finding")
    if wanted:
        _one(context, wanted)
        return
    findings = context.agent.read("findings", **context.scope.within)
    if findings:
        _list(context, findings)
    else:
        st.info("No change was found in this range. Plumbline reports one only when the false-alarm budget allows it.")
    two_windows(context)
    _learning(context)
    _ledger(context)


def _list(context: Context, findings: Sequence[Row]) -> None:
    rules = rules_of(context.agent)
    columns: tuple[Column[Row], ...] = (
        Column(
            "What changed",
            lambda row: change_sentence(row, rules),
            link=lambda row: ("drift", {"finding": row["id"]}),
            width=5,
        ),
        *CHANGES,
    )
    listing(context, "changes", columns, findings)


CHANGES: Final[tuple[Column[Row], ...]] = (
    Column("By", lambda row: change(row["metric"], row["change"]), width=2),
    Column("Likely cause", itemgetter("cause"), width=3),
    Column("State", lambda row: row["state"] or "expired"),
    Column("Began", lambda row: when(row["since"]), width=3),
    Column("Noticed", lambda row: when(row["detected_at"]), width=3),
)


def _ledger(context: Context) -> None:
    """What the false-alarm budget was spent on, what a week would show, and what nobody looks at."""
    told = context.agent.ask("driftledger")
    budget, app = told["budget"], context.scope.app
    with st.expander("False alarms: what to expect, and what is not watched", icon=":material/receipt_long:"):
        plain(
            f"{count(told['raised'])} changes were reported in {told['watched_days']:,.0f} days. At a budget of "
            f"{budget['alarms']:g} per {budget['per']}, {told['expected_false']:.2g} of them may be false."
        )
        lines = [line for line in told["streams"] if app in {None, line["app"]}]
        columns = {
            "metric": _text("What is watched", width=300),
            "app": _text("App", width=140),
            "segment": _text("Segment", width=180),
            "smallest": _text("Smallest change a week would show", width=220),
            "state": _text("State", width=260),
        }
        still([_line(line) for line in lines], columns)
        _not_watched(told, app)


def _not_watched(told: Row, app: str | None) -> None:
    """What nobody looks at: what found no room, of this app or of all, and how much room it takes; and what is never watched."""
    lacking = [row for row in told["not_watched"] if "app" in row]
    for row in lacking:
        if app in {None, row["app"]}:
            plain(f"Not watched of {row['what']}: {row['why']}.")
    if told["room"]["needed"] > told["room"]["most"]:
        plain(f"With drift.max_streams: {told['room']['needed']} every measure of every application is watched.")
    plain("Not watched:")
    facts({row["what"]: row["why"] for row in told["not_watched"] if row not in lacking})


def _line(line: Row) -> Row:
    smallest = "not known yet" if line["smallest"] is None else f"{100 * line['smallest']:.1f} points"
    named = {name: one_line(line[name]) for name in ("app", "segment", "state")}
    return {"metric": one_line(metric_name(line["metric"])), "smallest": smallest, **named}


def _learning(context: Context) -> None:
    streams = context.agent.read("streams", app=context.scope.app)
    waiting = [row for row in streams if not row["watching"]]
    if streams:
        st.subheader("What is watched")
        st.caption(f"{count(len(streams) - len(waiting))} streams are compared with their reference.")
    if not waiting:
        return
    st.caption("The following cannot tell yet: too little traffic is not the same as no change.")
    rules, needed = rules_of(context.agent), context.agent.status().get("baseline_first")
    of = f" of {count(needed)}" if needed else ""
    columns: tuple[Column[Row], ...] = (
        Column("What", lambda row: measure_name(row["metric"] or "", rules), width=4),
        Column("Where", place, width=3),
        Column("Collected", lambda row: f"{count(row['n'])}{of} answers", width=2),
        Column("Newest", lambda row: when(row["updated_at"]), width=2),
    )
    listing(context, "waiting", columns, waiting)


def _one(context: Context, finding_id: str) -> None:
    context.link("drift", {}, "All changes")
    row = next(iter(context.agent.read("finding", id=finding_id)), None)
    if row is None:
        st.title("Not found", anchor=False)
        st.info("There is no finding of this id.")
        return
    st.title(label(change_sentence(row, rules_of(context.agent)), 400), anchor=False)
    with st.container(key="sentence"):
        plain(circumstances(row))
    with st.container(border=True):
        facts(
            {
                "Changed by": _size(row),
                "Began": when(row["since"]),
                "Noticed": when(row["detected_at"]),
                "State": _state(row),
                "Found in": {"replay": "replay of stored history"}.get(row["origin"] or "", "live traffic"),
            }
        )
    _metric(context, row)
    of_turns = not row["metric"].startswith("judge:")  # a judge has known items, and no turns of its own
    if of_turns:
        before_and_after(context, row)
    _how(row)
    accepting(context.agent, row)
    notes(context.agent, row["id"])
    if of_turns:
        want(context.agent, row["id"])
        _report(context, row["id"])


STATES: Final = {
    "open": "Open: it is compared with what was before",
    "returned": "Returned to what was before",
    "accepted": "Accepted as the new normal",
    "expired": "Expired: it has become the new normal",
}


def _state(row: Row) -> str:
    """How a change stands, since when, and who said so."""
    state = row["state"] or "expired"
    since = f", {when(row['state_at'])}" if row["state_at"] else ""
    who = f", by {one_line(row['state_by'])}: {one_line(row['state_reason'])}" if row["state_by"] else ""
    return f"{STATES.get(state, state)}{since}{who}"


def _how(row: Row) -> None:
    with st.expander("How we know", icon=":material/info:"):
        plain(row["reason"])
        facts(
            {
                "Began between": f"{when(row['since_low'])} and {when(row['since_high'])}",
                "False-alarm budget": row["budget"],
                "Strength (e-value)": f"{row['e_value']:,.0f}" if row["e_value"] is not None else None,
                "Segment": row["segment"],
            }
        )


def _size(row: Row) -> str:
    low, high = (change(row["metric"], row[key]) for key in ("change_low", "change_high"))
    return f"{change(row['metric'], row['change'])} ({low.partition(' ')[0]} to {high})"


UNDRAWN: Final = {
    "new": "What was new to an app is not drawn over time: the turns after the change show it.",
    "text": "How answers are worded is not drawn over time: the answers since the change show it.",
    "judge": "What a judge says of known items is not drawn over time: Quality shows what it finds now. From this change on only labels on "
    "what it says now count for its card, also once the change is accepted.",
}


def _metric(context: Context, row: Row) -> None:
    undrawn = UNDRAWN.get(row["metric"].partition(":")[0])
    if undrawn:
        st.caption(undrawn)
        return
    charted = _charted(row["metric"])
    st.subheader(charted)
    after = LONG_AFTER if went_on(row) else AFTER
    start, end = utc(row["since"]) - BEFORE, min(context.now, utc(row["detected_at"]) + after)
    step = step_for(2 * (end - start))
    points = _points(row["metric"], context.agent.read(*_question(row), **_series(row, start, end, step)))
    if not points:
        st.caption("The values behind this finding are no longer stored.")
        return
    chart = rate_over_time(
        points,
        step,
        says=lambda value: measure(row["metric"], value).removesuffix(OF_MANY),
        reference=row["reference_value"],
        since=(utc(row["since_low"]), utc(row["since"]), utc(row["since_high"])),
        marks=told_marks(context, start, end, row["app"]),
        height=260,
    )
    draw(chart)
    st.caption("Dashed: the reference. Shaded: when the change can have begun. Steps without traffic are left out.")


def _charted(metric: str) -> str:
    if is_rate(metric):
        return "Share of turns over time, with 95 % interval"
    of = OF_MANY if metric == "cost_usd" else ""
    return "Average over time" if metric in COUNTS else f"Median{of} over time, with the middle half of the turns"


OF_MANY: Final = " per 1,000 turns"
"""What a cost is said of; a heading says it once for a whole axis."""


def _question(row: Row) -> tuple[str]:
    kind = row["metric"].partition(":")[0]
    return (f"{kind}_metric" if kind in {"rule", "score", "undecided"} else "turn_metric",)


def _series(row: Row, start: Any, end: Any, step: timedelta) -> dict[str, Any]:
    column, _, value = str(row["segment"] or "all").partition("=")
    kind, _, name = row["metric"].partition(":")
    which = (
        {"rule": name}
        if kind in {"rule", "undecided"}
        else {"name": name}
        if kind == "score"
        else {"metric": row["metric"]}
    )
    segment = {"dimension": column, "value": value} if value else {}
    return {"start": start, "end": end, "app": row["app"], "bucket_s": int(step.total_seconds()), **segment, **which}


def _points(metric: str, rows: Sequence[Row]) -> list[Row]:
    return [{"time": utc(row["time"]), "n": row["n"], **_band(metric, row)} for row in rows]


def _band(metric: str, row: Row) -> Row:
    if is_rate(metric):
        low, high = wilson(row["mean"] * row["n"], row["n"])
        return {"value": row["mean"], "low": low, "high": high}
    if metric in COUNTS:  # quartiles of numbers this small jump from one to the next
        return {"value": row["mean"], "low": None, "high": None}
    return {"value": row["q50"], "low": row["q25"], "high": row["q75"]}


def _report(context: Context, finding_id: str) -> None:
    st.subheader("Side by side")
    st.caption(
        "Evidently compares the reference with the time after the change, column by column. The first time takes up to 40 s."
    )
    if st.button("Prepare the report", icon=":material/compare:"):
        try:
            with st.spinner("Evidently is drawing the report"):
                st.session_state["report"] = (finding_id, context.agent.report(finding_id))
        except Trouble as trouble:
            st.warning(label(trouble, 400))
    kept = st.session_state.get("report")
    if kept and kept[0] == finding_id:
        st.download_button(
            "Download the report (HTML)",
            kept[1],
            file_name=f"plumbline-{finding_id}.html".replace("/", "-"),
            mime="text/html",
            icon=":material/download:",
            on_click="ignore",
        )
