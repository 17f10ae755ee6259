"""Overview: one sentence of state, what needs attention, how much traffic, how often rules are broken, and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from dashboards.alert_acts import standing
from dashboards.cards import HISTORY, Card, cards
from dashboards.charts.forest import intervals
from dashboards.charts.over_time import bars_over_time, lines_over_time
from dashboards.client import Row
from dashboards.erasures import requests
from dashboards.holds import past_due
from dashboards.markup import Html, draw
from dashboards.numbers import count, money, percent, share, share_interval, took, when
from dashboards.page_retry import calm
from dashboards.rules import Rule, rules_of
from dashboards.scope import Context, say_if_missed
from dashboards.text import label, one_line, parsed, plain
from dashboards.theme import BAD
from dashboards.words import COLOURS, cause_sentence, causes

REFRESH_S: Final = 30
ATTENTION: Final = 6
RATES_SHOWN: Final = 12
PARTS: Final = ("received", "stored", "duplicate", "refused")


@dataclass(frozen=True)
class Concern:
    """One thing that wants a look: how bad (a badge), what, and the page that says more."""

    badge: str
    colour: str
    text: str
    page: str
    params: dict[str, str]


def sentence(
    alerts: Sequence[Row], rates: Sequence[Row], findings: Sequence[Row], n_turns: int, rules: Mapping[str, Rule]
) -> str:
    """Return the state in one sentence: alerts, the rate that matters most with its range, the latest change."""
    parts = [_firing([row for row in alerts if row["state"] == "firing" and row["rule_id"] != HISTORY])]
    worst = next((row for row in rates if row["value"]), None)
    if worst:
        parts.append(
            f"{rule_name(worst['rule_id'], rules)} is violated in {share(worst['value'])} "
            f"({share_interval(worst['low'], worst['high'])}) "
            f"of {count(worst['n_graded'])} graded answers of {worst['app']}"
        )
    elif rates:
        parts.append("no violation among the graded answers")
    if findings:
        widest = max(causes(findings), key=len)
        parts.append(f"{cause_sentence(widest, rules)}, since {when(widest[0]['since'])}")
    return "; ".join(parts) + f". {count(n_turns)} turns in this range."


def _firing(alerts: Sequence[Row]) -> str:
    """How many alerts fire, and for how many causes where several stand together on one card."""
    if not alerts:
        return "No alert is firing"
    said = f"{len(alerts)} alert{'s are' if len(alerts) > 1 else ' is'} firing"
    together = len(cards(alerts))
    return said if together == len(alerts) else f"{said} for {'one cause' if together == 1 else f'{together} causes'}"


def rule_name(rule_id: str, rules: Mapping[str, Rule]) -> str:
    """Return the title of a rule, or its id where no policy here knows it."""
    return f"“{rules[rule_id].title}”" if rule_id in rules else rule_id


def attention(
    alerts: Sequence[Row],
    findings: Sequence[Row],
    deliveries: Sequence[Row],
    ledger: Sequence[Row],
    rules: Mapping[str, Rule],
) -> list[Concern]:
    """Return what wants a look, a card per cause, worst first; a change that an alert tells already has none of its own."""
    firing = [row for row in alerts if row["state"] == "firing"]
    concerns = [_of_card(card) for card in cards(firing)]
    told = {parsed(row["labels"], {}).get("finding") for row in firing}
    concerns += [
        Concern(
            "changed",
            "orange",
            f"{cause_sentence(group, rules)}, since {when(group[0]['since'])}",
            "drift",
            {"finding": group[0]["id"]},
        )
        for group in causes(findings)
        if not told & {row["id"] for row in group}
    ]
    dead = sum(row["state"] == "dead" for row in deliveries)
    if dead:
        concerns.append(Concern("not delivered", "red", f"{dead} notifications could not be delivered", "alerts", {}))
    lost = [row for row in ledger if not adds_up(row)]
    concerns += [
        Concern("ledger", "red", f"the ledger of {row['source']} does not add up", "overview", {}) for row in lost
    ]
    return concerns


def _of_card(card: Card) -> Concern:
    row, more = card.front, len(card.behind)
    text = _alert_line(row) + (f" (and {more} more of the same)" if more else "")
    return Concern(row["severity"], COLOURS.get(row["severity"], "gray"), text, "alerts", _named(row))


def _named(row: Row) -> dict[str, str]:
    return {"alert": str(row["fingerprint"])}


def _alert_line(row: Row) -> str:
    """The sentence of an alert, for whom it is, and who has it."""
    parts = [row["title"], row.get("affected") or "", standing(row)]
    return one_line(". ".join(part.rstrip(".") for part in parts if part), 400) or ""


def adds_up(row: Row) -> bool:
    """Whether everything that was received is accounted for."""
    return bool(row["received"] == row["stored"] + row["duplicate"] + row["refused"])


def ledger_line(row: Row) -> str:
    """Return what became of everything one source sent."""
    received, *rest = (f"{count(row[part])} {part}" for part in PARTS)
    return f"{received} {'=' if adds_up(row) else 'is not'} {' + '.join(rest)}"


def methods(rates: Sequence[Row]) -> str:
    """Return how the rates were made, each way once; what a single rate leaves out stands on the page Quality."""
    return " or ".join(dict.fromkeys(str(row["method"]).partition("; left out")[0] for row in rates))


def show(context: Context) -> None:
    """Draw the page; it looks again by itself."""
    past_due(context.agent)
    requests(context.agent)
    say_if_missed(context.scope)
    _live(context)


@st.fragment(run_every=REFRESH_S)
def _live(context: Context) -> None:
    with calm(REFRESH_S):
        _whole(context)


def _whole(context: Context) -> None:
    ask, scope = context.agent.read, context.scope
    alerts = ask("alerts", start=scope.start)
    findings = ask("findings", **scope.within)
    rates = ask("rates_now", **scope.within)
    ledger, rules = ask("ledger"), rules_of(context.agent)
    totals = next(iter(ask("totals", **scope.params)), {})
    with st.container(key="sentence"):
        plain(sentence(alerts, rates, findings, totals.get("n_turns") or 0, rules))
    _attention(context, attention(alerts, findings, ask("notifications"), ledger, rules))
    _traffic(context, totals)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _rates(rates, rules)
    with right:
        _ledger(ledger)


def _attention(context: Context, concerns: Sequence[Concern]) -> None:
    st.subheader("Needs attention")
    if not concerns:
        st.caption("Nothing. Alerts that fire and changes that were found appear here.")
        return
    with st.container(border=True, gap=None):
        for number, concern in enumerate(concerns[:ATTENTION]):
            _concern(context, concern, number)
        if len(concerns) > ATTENTION:
            st.caption(f"and {len(concerns) - ATTENTION} more on the pages Alerts and Drift")


def _concern(context: Context, concern: Concern, number: int) -> None:
    """One row of the same shape for every concern: a badge, at most two lines of text, a way to more."""
    with st.container(key=f"concern-{number}"):
        badge, text = st.columns([1.1, 10.9], vertical_alignment="center", gap="small")
    with badge:
        st.badge(label(concern.badge), color=concern.colour)  # type: ignore[arg-type]  # our own words
    with text:
        context.link(concern.page, concern.params, label(concern.text, 400))


def _traffic(context: Context, totals: Row) -> None:
    scope = context.scope
    rows = context.agent.read("traffic", bucket_s=scope.bucket, **scope.params)
    n = totals.get("n_turns") or 0
    errors = totals.get("n_errors") or 0
    priced = totals.get("n_priced") or 0
    cards: tuple[tuple[str, str, str, Html], ...] = (
        ("Turns", count(n), f"{count(totals.get('n_users'))} users", bars_over_time(rows, "n_turns", scope.step)),
        (
            "Errors",
            count(errors),
            f"{share(errors / n)} of turns" if n else "no turns",
            bars_over_time(rows, "n_errors", scope.step, colour=BAD),
        ),
        (
            "Time to answer",
            took(totals.get("p50_ms")),
            f"median; the upper line: 95 % within {took(totals.get('p95_ms'))}",
            lines_over_time(rows, {"p95_ms": "95 % within", "p50_ms": "median"}, scope.step, says=took),
        ),
        (
            "Cost",
            money(totals.get("cost_usd")),
            f"{count(priced)} of {count(n)} turns priced" if priced < n else "every turn priced",
            bars_over_time(rows, "cost_usd", scope.step, says=money),
        ),
    )
    for cell, (name, figure, note, chart) in zip(st.columns(len(cards)), cards, strict=True):
        with cell.container(border=True, gap=None):
            st.metric(name, figure)
            st.caption(note)
            if rows:
                draw(chart)


def _rates(rates: Sequence[Row], rules: Mapping[str, Rule]) -> None:
    st.subheader("How often rules are violated")
    if not rates:
        st.caption("No rate yet: rates appear once turns have been sampled and graded.")
        return
    several = len({row["app"] for row in rates}) > 1
    rows = [
        {
            "name": _rate_name(row, rules, several=several),
            **{key: row[key] for key in ("value", "low", "high")},
            "n": row["n_graded"],
            "tone": "calm",
        }
        for row in rates[:RATES_SHOWN]
    ]
    draw(intervals(rows))
    with st.expander("How we know", icon=":material/info:"):
        plain(
            f"Newest window with enough turns, with {percent(rates[0]['confidence'])} interval. "
            f"Method: {methods(rates[:RATES_SHOWN])}."
        )


def _rate_name(row: Row, rules: Mapping[str, Rule], *, several: bool) -> str:
    name = rules[row["rule_id"]].title if row["rule_id"] in rules else str(row["rule_id"])
    return f"{name}, {row['app']}" if several else name


def _ledger(ledger: Sequence[Row]) -> None:
    st.subheader("Ledger")
    if not ledger:
        st.caption("Nothing received yet.")
        return
    if all(adds_up(row) for row in ledger):
        received = sum(row["received"] for row in ledger)
        st.success(
            f"Nothing was lost: all {count(received)} received are accounted for.", icon=":material/check_circle:"
        )
    with st.expander("What became of everything that was received", icon=":material/list:"):
        for row in ledger:
            source, sums = st.columns([2, 5])
            with source:
                plain(one_line(row["source"], 40))
            with sums:
                plain(ledger_line(row))
    if not all(adds_up(row) for row in ledger):
        st.caption("received = stored + duplicate + refused does not hold for every source; run plumbline doctor.")
    refused = [f"{row['source']}: {row['reasons']}" for row in ledger if row["reasons"]]
    if refused:
        with st.container(key="muted-refused"):
            plain("Refused because: " + "; ".join(refused))
