"""Quality: per rule how often it is violated over time, how sure that is, and the turns behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from dashboards.charts.over_time import rate_over_time
from dashboards.client import Row
from dashboards.four_weeks import four_weeks, in_words
from dashboards.funnel import funnel
from dashboards.judges import judges
from dashboards.markup import draw
from dashboards.numbers import count, percent, share, share_interval, utc, when
from dashboards.rules import Rule, rules_of
from dashboards.scope import Context, say_if_missed
from dashboards.tables import VIOLATIONS, turn_table
from dashboards.text import as_sentence, plain
from dashboards.words import method_words

CARDS: Final = 12
ENOUGH: Final = 30
VERDICTS: Final = ("violates", "borderline", "cannot_judge", "not_graded", "complies")
Pair = tuple[str, str]
NO_RULES: Final[Mapping[str, Rule]] = {}


def by_rule(rates: Iterable[Row], rules: Mapping[str, Rule] = NO_RULES) -> dict[Pair, list[Row]]:
    """Return the published rates per (rule, app), the gravest rule first, then the furthest beyond its limit, then the surest."""
    groups: dict[Pair, list[Row]] = {}
    for row in rates:
        groups.setdefault((row["rule_id"], row["app"]), []).append(row)

    def place(item: tuple[Pair, list[Row]]) -> tuple[float, float, float]:
        rule = rules.get(item[0][0])
        distance = rule.distance(_newest(item[1])) if rule else -1.0
        return (rule.rank if rule else 9, -distance, -_certain(item[1]))

    return dict(sorted(groups.items(), key=place))


def _certain(rows: Sequence[Row]) -> float:
    """How often the rule is violated at the least."""
    newest = _newest(rows)
    return -1.0 if newest is None or newest["low"] is None else float(newest["low"])


def _newest(rows: Sequence[Row]) -> Row | None:
    """The newest rate that rests on enough turns; a window that has only begun when there is no other."""
    known = [row for row in reversed(rows) if row["value"] is not None]
    return next((row for row in known if row["n_graded"] >= ENOUGH), next(iter(known), None))


def show(context: Context) -> None:
    """Draw the page."""
    say_if_missed(context.scope)
    rates, segment = _rates(context)
    rules = rules_of(context.agent)
    groups = by_rule(rates, rules)
    if not groups:
        st.info(
            "No rate has been published in this range. Turns are sampled, graded and counted every cycle; "
            "policies/*.yaml says against which rules."
        )
        judges(context, rules)
        return
    if context.scope.environment and segment == "all":
        st.caption("Rates are over all environments: none is published for the chosen environment alone.")
    _both_sides(context, rules)
    funnel(context, rules)
    findings = context.agent.read("findings", **context.scope.within)
    cards = list(groups.items())[:CARDS]
    lately = four_weeks(context)
    for start in range(0, len(cards), 2):
        for cell, (pair, rows) in zip(st.columns(2, gap="medium"), cards[start : start + 2], strict=False):
            with cell.container(border=True):
                _card(pair, rows, findings, start, rules.get(pair[0]))
                if pair in lately:
                    plain(in_words(lately[pair]))
    if len(groups) > CARDS:
        st.caption(f"{len(groups) - CARDS} more rules have lower rates; choose an app to see fewer.")
    judges(context, rules)
    _violations(context, list(dict.fromkeys(rule for rule, _ in groups)))


SIDES: Final = {
    "forbidden": (
        "Harm: answers that break a rule of what is forbidden",
        "no rule of what is forbidden decided any answer",
    ),
    "owed": (
        "Over-refusal: answers that break a rule of help that is owed",
        "no rule of help that is owed decided any answer",
    ),
}
"""What an assistant does wrong, and what it fails to do: stricter rules trade one for the other, so both are always seen."""


def _both_sides(context: Context, rules: Mapping[str, Rule]) -> None:
    """Show harm and over-refusal beside each other, each with its interval."""
    binding = [rule for rule in rules.values() if rule.told["authority"] != "advisory"]
    named = {
        side: ",".join(rule.id for rule in binding if rule.told["duty"] == duty)
        for side, duty in (("forbidden", "forbidden"), ("owed", "help that is owed"))
    }
    known = {row["side"]: row for row in context.agent.read("both_sides", **named, **context.scope.params)}
    for cell, (side, (title, silent)) in zip(st.columns(2, gap="medium"), SIDES.items(), strict=True):
        row = known.get(side)
        with cell.container(border=True):
            plain(title)
            with st.container(key=f"figure-{side}"):
                plain(
                    "not measured" if row is None else share(row["value"]) if row["n"] >= ENOUGH else "not enough yet"
                )
            plain(f"95 %: {share_interval(row['low'], row['high'])} of {count(row['n'])} answers" if row else silent)


def _rates(context: Context) -> tuple[list[Row], str]:
    scope = context.scope
    own = f"environment={scope.environment}" if scope.environment else "all"
    rates = context.agent.read("rates", segment=own, **scope.within)
    return (rates, own) if rates or own == "all" else (context.agent.read("rates", **scope.within), "all")


def _card(pair: Pair, rows: Sequence[Row], findings: Sequence[Row], place: int, known: Rule | None) -> None:
    rule, app = pair
    newest = _newest(rows)
    key = f"{place}-{abs(hash(pair))}"
    name, figure = st.columns([3, 2], vertical_alignment="center")
    with name:
        with st.container(key=f"name-{key}"):
            plain(known.title if known else rule)
        with st.container(key=f"muted-app-{key}"):
            plain(f"{app} · {rule} · {known.told['severity']}" if known else app)
    with figure, st.container(key=f"figure-{key}", horizontal_alignment="right"):
        plain(share(newest["value"]) if newest else "no rate yet")
    limits = known.limits if known else ()
    changes = list(_changes(pair, findings))
    draw(rate_over_time([rate_point(row) for row in rows], window_of(rows), marks=changes, limits=limits))
    if known:
        plain(f"{as_sentence(known.standing(newest))} {as_sentence(', '.join(name for _, name in limits))}".strip())
    plain(checked_by_people(rows))
    with st.container(key=f"muted-{key}"):
        plain(_says(newest))


def checked_by_people(rows: Sequence[Row]) -> str:
    """Return how many answers behind the rates of a rule people judged, and of which day the newest of them are."""
    looked = [row for row in rows if row["n_human"]]
    if not looked:
        return "Nobody has checked this."
    newest = max(utc(row["window_start"]) for row in looked)
    return (
        f"Checked by people: {count(sum(row['n_human'] for row in looked))} answers, the newest of {newest:%-d %b %Y}."
    )


def _says(newest: Row | None) -> str:
    if newest is None:
        return "No verdict decided in this range, so there is no rate."
    human = f", {count(newest['n_human'])} human labels" if newest["n_human"] else ""
    return (
        f"{percent(newest['confidence'])}: {share_interval(newest['low'], newest['high'])} from "
        f"{count(newest['n_graded'])} graded of {count(newest['n_units'])} turns{human}, "
        f"window from {when(newest['window_start'])}. {method_words(newest['method'])}"
    )


def rate_point(row: Row) -> Row:
    """Return a published rate as a point of a chart over time."""
    return {
        "time": utc(row["window_start"]),
        **{name: row[name] for name in ("value", "low", "high")},
        "n": row["n_graded"],
    }


def window_of(rows: Sequence[Row]) -> timedelta:
    """Return the length of the windows the rates are published for."""
    return min((utc(row["window_end"]) - utc(row["window_start"]) for row in rows), default=timedelta(days=1))


def _changes(pair: Pair, findings: Sequence[Row]) -> Iterable[tuple[datetime, str]]:
    rule, app = pair
    return (
        (utc(row["since"]), "change")
        for row in findings
        if row["metric"] == f"rule:{rule}" and row["app"] == app and row["segment"] == "all"
    )


def _violations(context: Context, rules: Sequence[str]) -> None:
    st.subheader("The turns behind it")
    first, second, _ = st.columns([2, 2, 4])
    with first:
        rule = st.selectbox("Rule", list(rules), index=None, placeholder="all rules", key="rule", bind="query-params")
    with second:
        verdict = st.selectbox("Verdict", VERDICTS, key="of", bind="query-params")
    rows = context.agent.read("violations", rule=rule, verdict=verdict, limit=50, **context.scope.params)
    if not rows:
        st.caption("No turn of this range has this verdict.")
        return
    turn_table(context, rows, VIOLATIONS, key=f"violations-{abs(hash((rule, verdict)))}")
    st.caption(f"The newest {len(rows)} of {count(rows[0]['n_found'])}. Click a cell to open its trace.")
