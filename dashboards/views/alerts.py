"""Alerts: what is firing, why it fired, whom it reached, and the turns behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Final

import streamlit as st

from dashboards.alert_acts import acts, standing
from dashboards.cards import HISTORY, Card, about, cards, labels_of
from dashboards.charts.over_time import rate_over_time
from dashboards.client import Row, Trouble
from dashboards.listing import Column, listing
from dashboards.markup import draw
from dashboards.numbers import share, share_interval, utc, when
from dashboards.review_request import want
from dashboards.rules import rules_of
from dashboards.scope import Context
from dashboards.tables import VIOLATIONS, facts, turn_table
from dashboards.text import as_sentence, code, label, plain
from dashboards.views.quality import rate_point, window_of
from dashboards.words import COLOURS as LOUD

STATES: Final = ("firing", "pending", "resolved")
COLOURS: Final = {"firing": "red", "pending": "orange", "resolved": "green"}
EXAMPLES: Final = 5
OF_ONE_RULE: Final = tuple(name for name in VIOLATIONS if name != "rule_id")


def show(context: Context) -> None:
    """Draw the list, or the one alert that the address names."""
    wanted = st.query_params.get("alert")
    rows = context.agent.read("alerts", start=None if wanted else context.scope.start)
    if wanted:
        _one(context, next((row for row in rows if row["fingerprint"] == wanted), None))
        return
    known = [row for row in rows if row["rule_id"] != HISTORY]
    counts = {state: sum(row["state"] == state for row in known) for state in STATES}
    with st.container(key="row-counts"):
        for cell, state in zip(st.columns(3), STATES, strict=True):
            cell.metric(state.capitalize(), counts[state], border=True)
    if not known:
        st.info("No alert in this range. The starter rules watch violation rates, changes, experiments and silence.")
    for state in STATES:
        _list(context, state, [row for row in known if row["state"] == state])
    _before(context, [row for row in rows if row["rule_id"] == HISTORY and row["state"] == "firing"])
    _worth(context)


def _before(context: Context, rows: Sequence[Row]) -> None:
    """What was wrong before anybody watched: known, and no alarm."""
    if rows:
        with st.expander("Wrong since before Plumbline watched", icon=":material/history:"):
            for row in rows:
                plain(row["reason"])
                context.link("alerts", {"alert": row["fingerprint"]}, "Open it")


def _worth(context: Context) -> None:
    """How often each alert rule was not worth its message, as people said on closing."""
    rows = context.agent.read("alert_worth")
    if not rows:
        return
    with st.expander("Were they worth their messages?", icon=":material/thumbs_up_down:"):
        listing(context, "worth", WORTH, rows)


def _false(row: Row) -> str:
    said = row["n_useful"] + row["n_not_useful"]
    return f"{share(row['false_rate'])} ({share_interval(row['low'], row['high'])})" if said else "nobody has said"


WORTH: Final[tuple[Column[Row], ...]] = (
    Column("Alert rule", itemgetter("title"), width=4),
    Column("Alerts", itemgetter("n_alerts")),
    Column("Called useful", itemgetter("n_useful")),
    Column("Called not useful", itemgetter("n_not_useful")),
    Column("False of those", _false, width=3),
)


def _list(context: Context, state: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    st.subheader(state.capitalize())
    columns = ALERTS if state == "resolved" else ALERTS[:-1]
    listing(context, f"alerts-{state}", columns, cards(rows))


def _what(card: Card) -> str:
    others = f" (and {len(card.behind)} more of the same)" if card.behind else ""
    return f"{card.front['title']}{others}"


def _ended(card: Card) -> str:
    return when(card.front["ended_at"]) if card.front["ended_at"] else "not yet"


ALERTS: Final[tuple[Column[Card], ...]] = (
    Column("What", _what, link=lambda card: ("alerts", {"alert": card.front["fingerprint"]}), width=5),
    Column(
        "Severity", lambda card: card.front["severity"], colour=lambda card: LOUD.get(card.front["severity"], "gray")
    ),
    Column("For whom", lambda card: card.front["affected"] or about(card.front), width=3),
    Column("Likely cause", lambda card: card.front["cause"], width=3),
    Column("Who has it", lambda card: standing(card.front) or "nobody yet", width=2),
    Column("Noticed", lambda card: when(card.front["started_at"]), width=3),
    Column("Ended", _ended, width=3),
)


def _one(context: Context, row: Row | None) -> None:
    context.link("alerts", {}, "All alerts")
    if row is None:
        st.title("Not found", anchor=False)
        st.info("There is no alert of this fingerprint.")
        return
    st.title(label(row["title"], 200), anchor=False)
    with st.container(key="sentence", gap="small"):
        for line in _reason(row):
            plain(line)
    with st.container(horizontal=True):
        st.badge(label(row["state"]), color=COLOURS.get(row["state"], "gray"))  # type: ignore[arg-type]  # our own words
        st.badge(label(row["severity"]), color=LOUD.get(row["severity"], "gray"))  # type: ignore[arg-type]  # as above
    acts(context.agent, row)
    want(context.agent, row["fingerprint"])
    labels = labels_of(row)
    with st.container(border=True):
        facts(
            {
                "Began": when(row["began_at"]) if row["began_at"] else None,
                "Noticed": when(row["started_at"]),
                "Ended": when(row["ended_at"]) if row["ended_at"] else None,
                "Users who got it": row["n_users"],
                "Owner": row["owner"] or None,
                "Playbook": row["playbook"] or None,
            }
        )
    _behind(context, row)
    if labels.get("finding"):
        context.link("drift", {"finding": labels["finding"]}, "Open the change")
    _chart(context, row, labels)
    _turns(context, row, labels)
    _deliveries(context, row)
    with st.expander("How we know", icon=":material/info:"):
        facts({"Alert rule": row["rule_id"], **labels})
        plain(row["reason"])
        _trail(context, row)


def _reason(row: Row) -> list[str]:
    """For whom it is, how it was before, and why: what is read first."""
    cause = f"Likely cause: {row['cause']}" if row["cause"] else ""
    whom = row["affected"] or about(row) or row["reason"]  # what one about ourselves says stands in its reason
    return [as_sentence(line) for line in (whom, row["change"], cause) if line]


def _behind(context: Context, row: Row) -> None:
    """Links to the other alerts of the card on which this one stands."""
    firing = [one for one in context.agent.read("alerts") if one["state"] == "firing"]
    for card in cards(firing):
        together = (card.front, *card.behind)
        if row["fingerprint"] in {one["fingerprint"] for one in together}:
            for other in (one for one in together if one["fingerprint"] != row["fingerprint"]):
                context.link("alerts", {"alert": other["fingerprint"]}, label(f"Of the same: {other['title']}", 200))


def _chart(context: Context, row: Row, labels: dict[str, str]) -> None:
    """How the rate went, with its limits and since when it is bad."""
    rule, app = labels.get("rule"), labels.get("app")
    if not rule or not app:
        return
    rates = context.agent.read("rates", app=app, start=context.scope.start)
    points = [rate_point(one) for one in rates if one["rule_id"] == rule]
    if len(points) < CHARTED:
        return
    known = rules_of(context.agent).get(rule)
    marks = [(utc(row[key]), name) for key, name in MARKS.items() if row[key]]
    draw(rate_over_time(points, window_of(rates), marks=marks, limits=known.limits if known else ()))


MARKS: Final = {"began_at": "began", "ended_at": "ended"}
CHARTED: Final = 3
"""Windows below which there is nothing to see in a chart."""


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
    listing(context, "told", DELIVERIES, sent)


KINDS: Final = {"fire": "it fires", "resolve": "it is over"}
DELIVERIES: Final[tuple[Column[Row], ...]] = (
    Column("Receiver", itemgetter("receiver"), width=2),
    Column("Message", lambda row: KINDS.get(row["kind"], row["kind"]), width=2),
    Column("State", itemgetter("state")),
    Column("Attempts", itemgetter("attempts")),
    Column("Delivered", lambda row: when(row["sent_at"]) if row["sent_at"] else "not yet", width=2),
)


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
        turn_table(context, rows, OF_ONE_RULE, key="alert-turns")
    else:
        st.caption("No turn of that time is stored any more.")
