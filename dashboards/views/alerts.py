"""Alerts: what is firing, why it fired, whom it reached, and the turns behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import streamlit as st

from dashboards.alert_acts import acts, standing
from dashboards.client import Row, Trouble
from dashboards.listing import Cell, listing
from dashboards.numbers import share, share_interval, utc, when
from dashboards.scope import Context
from dashboards.tables import VIOLATIONS, facts, still, turn_table
from dashboards.text import code, label, one_line, parsed, plain
from dashboards.wanting import want
from dashboards.words import COLOURS as LOUD
from dashboards.words import rank

STATES: Final = ("firing", "pending", "resolved")
COLOURS: Final = {"firing": "red", "pending": "orange", "resolved": "green"}
EXAMPLES: Final = 5

_text = st.column_config.TextColumn
_moment = st.column_config.DatetimeColumn


def labels_of(row: Row) -> dict[str, str]:
    """Return the labels of an alert; unreadable ones are none."""
    labels = parsed(row["labels"], {})
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def about(row: Row) -> str:
    """Return what an alert is about, in words."""
    return ", ".join(f"{key} {value}" for key, value in labels_of(row).items() if key != "finding")


def show(context: Context) -> None:
    """Draw the list, or the one alert that the address names."""
    wanted = st.query_params.get("alert")
    rows = context.agent.read("alerts", start=None if wanted else context.scope.start)
    if wanted:
        _one(context, next((row for row in rows if row["fingerprint"] == wanted), None))
        return
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    for cell, state in zip(st.columns(3), STATES, strict=True):
        cell.metric(state.capitalize(), counts[state], border=True)
    if not rows:
        st.info("No alert in this range. The starter rules watch violation rates, changes, experiments and silence.")
    for state in STATES:
        _list(context, state, sorted((r for r in rows if r["state"] == state), key=lambda row: rank(row["severity"])))
    _worth(context)


def _worth(context: Context) -> None:
    """How often each alert rule was not worth its message, as people said on closing."""
    rows = context.agent.read("alert_worth")
    if not rows:
        return
    with st.expander("Were they worth their messages?", icon=":material/thumbs_up_down:"):
        listing(context, "worth", [_worth_cells(row) for row in rows])


def _worth_cells(row: Row) -> list[Cell]:
    said = row["n_useful"] + row["n_not_useful"]
    share_of = f"{share(row['false_rate'])} ({share_interval(row['low'], row['high'])})" if said else "nobody has said"
    return [
        Cell("Alert rule", row["title"], width=4),
        Cell("Alerts", row["n_alerts"]),
        Cell("Called useful", row["n_useful"]),
        Cell("Called not useful", row["n_not_useful"]),
        Cell("False of those", share_of, width=3),
    ]


def _list(context: Context, state: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    st.subheader(state.capitalize())
    listing(context, f"alerts-{state}", [_cells(row) for row in rows])


def _cells(row: Row) -> list[Cell]:
    return [
        Cell("What", row["title"], link=("alerts", {"alert": row["fingerprint"]}), width=5),
        Cell("Severity", row["severity"], colour=LOUD.get(row["severity"], "gray")),
        Cell("For whom", row["affected"] or about(row), width=3),
        Cell("Likely cause", row["cause"], width=3),
        Cell("Who has it", standing(row), width=2),
        Cell("Noticed", when(row["started_at"]), width=2),
        Cell("Ended", when(row["ended_at"]) if row["ended_at"] else "not yet", width=2),
    ]


def _one(context: Context, row: Row | None) -> None:
    context.link("alerts", {}, "All alerts")
    if row is None:
        st.info("There is no alert of this fingerprint.")
        return
    st.title(label(row["title"], 200), anchor=False)
    with st.container(key="sentence"):
        plain(row["affected"] or f"{about(row)}".capitalize())
    with st.container(horizontal=True):
        st.badge(row["state"], color=COLOURS.get(row["state"], "gray"))  # type: ignore[arg-type]  # our own words
        st.badge(row["severity"], color=LOUD.get(row["severity"], "gray"))  # type: ignore[arg-type]  # as above
    acts(context.agent, row)
    want(context.agent, row["fingerprint"])
    labels = labels_of(row)
    with st.container(border=True):
        facts(
            {
                "Before and now": row["change"] or None,
                "Began": when(row["began_at"]) if row["began_at"] else None,
                "Noticed": when(row["started_at"]),
                "Ended": when(row["ended_at"]) if row["ended_at"] else None,
                "Likely cause": row["cause"] or None,
                "Users who got it": row["n_users"],
                "Owner": row["owner"] or None,
                "Playbook": row["playbook"] or None,
            }
        )
    if labels.get("finding"):
        context.link("drift", {"finding": labels["finding"]}, "Open the change")
    _turns(context, row, labels)
    _deliveries(context, row)
    with st.expander("How we know", icon=":material/info:"):
        facts({"Alert rule": row["rule_id"], **labels})
        plain(row["reason"])
        _trail(context, row)


def _trail(context: Context, row: Row) -> None:
    try:
        lines = context.agent.explain(row["fingerprint"])
    except Trouble as trouble:
        st.caption(label(trouble, 400))
        return
    code("\n".join(lines) or "nothing recorded")


def _deliveries(context: Context, row: Row) -> None:
    st.subheader("Who was told")
    sent = context.agent.read("notifications", fingerprint=row["fingerprint"])
    if not sent:
        st.caption("Nobody yet: no route takes this alert, or it has not fired.")
        return
    cells = [
        {
            **{key: one_line(item[key]) for key in ("receiver", "kind", "state")},
            "attempts": item["attempts"],
            "sent_at": item["sent_at"] and utc(item["sent_at"]),
        }
        for item in sent
    ]
    columns: dict[str, Any] = {
        "receiver": _text("Receiver", width=130),
        "kind": _text("Message", width=90),
        "state": _text("State", width=80),
        "attempts": st.column_config.NumberColumn("Attempts", width=75),
        "sent_at": _moment("Delivered (UTC)", format="D MMM YYYY HH:mm:ss", width=160),
    }
    still(cells, columns)


def _turns(context: Context, row: Row, labels: dict[str, str]) -> None:
    rule = labels.get("rule") or labels.get("metric", "").removeprefix("rule:")
    if not rule or ("rule" not in labels and not labels.get("metric", "").startswith("rule:")):
        return
    rows = context.agent.read(
        "violations",
        rule=rule,
        app=labels.get("app"),
        start=utc(row["started_at"]) - timedelta(days=1),
        end=utc(row["ended_at"]) if row["ended_at"] else None,
        limit=EXAMPLES,
    )
    st.subheader("Turns behind it")
    if rows:
        turn_table(context, rows, VIOLATIONS, key="alert-turns")
    else:
        st.caption("No turn of that time is stored any more.")
