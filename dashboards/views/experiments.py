"""A/B: per experiment the sentence, one table of differences with their intervals, decided ones first, its arms and their split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final

import streamlit as st

from dashboards.charts.forest import difference
from dashboards.client import Row
from dashboards.listing import Column, listing
from dashboards.markup import draw
from dashboards.numbers import change, count, is_rate, share, when
from dashboards.planning import planning
from dashboards.rules import Rule, rules_of
from dashboards.scope import Context
from dashboards.text import as_sentence, label, plain
from dashboards.words import measure_name

TONES: Final = {"better": "good", "worse": "bad"}
COLOURS: Final = {"worse": "red", "better": "green", "blocked": "orange", "differs": "blue"}
ORDER: Final = {decision: place for place, decision in enumerate(COLOURS)}
VERBS: Final = {"worse": "does worse than", "better": "does better than", "differs": "differs from"}
WIDTHS: Final = (4, 4, 4, 1.5)
NO_VARIATION: Final = "no variation, no interval"
"""How a reason ends where every user has the same value."""

Rules = Mapping[str, Rule]


def show(context: Context) -> None:
    """Draw the page."""
    _running(context)
    planning(context)


def _running(context: Context) -> None:
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
    wanted, rules = st.query_params.get("experiment"), rules_of(context.agent)
    for number, name in enumerate(sorted(names, key=lambda name: name[0] != wanted)):
        with st.container(border=True):
            _experiment(
                context,
                _title(name, names),
                [row for row in arms if (row["experiment"], row["app"] or "") == name],
                [row for row in comparisons if (row["experiment"], row["app"] or "") == name],
                number,
                rules,
            )


def _title(name: tuple[str, str], names: Sequence[tuple[str, str]]) -> str:
    """The name of an experiment; where another app has one of the same name, with its app."""
    experiment, app = name
    return f"{experiment} in {app or 'no app'}" if sum(other == experiment for other, _ in names) > 1 else experiment


def _experiment(
    context: Context, name: str, arms: Sequence[Row], comparisons: Sequence[Row], number: int, rules: Rules
) -> None:
    with st.container(key=f"name-{number}"):
        plain(name)
    with st.container(key=f"sentence-{number}"):
        plain(verdict(comparisons, rules))
    with st.container(key=f"muted-{number}"):
        read = max((row["computed_at"] for row in comparisons), default=None)
        control = comparisons[0]["control"] if comparisons else None
        plain(
            f"Control: {control or 'not chosen yet'}. Read {when(read)}. All traffic of the experiment, whatever the time range."
        )
    _forest(comparisons, number, rules)
    left, right = st.columns([2, 5], gap="large")
    with left:
        _arms(context, arms, comparisons, number)
    with right:
        _silent([row for row in comparisons if not _told(row)], number, rules)
    told = [row for row in comparisons if _told(row)]
    if told:
        with st.expander("How we know", icon=":material/info:"):
            for row in told:
                plain(f"{_measure(row, rules)}. {_says(row['metric'], row)}")


def _told(row: Row) -> bool:
    """Whether there is something to draw or to decide, not only a wait for more users."""
    return row["effect"] is not None or row["decision"] == "blocked"


def verdict(comparisons: Sequence[Row], rules: Rules) -> str:
    """Return what an experiment says: what to do, what is decided, or that nothing is yet."""
    if not comparisons:
        return "Nothing can be said yet: each arm needs more users."
    blocked = next((row for row in comparisons if row["decision"] == "blocked"), None)
    if blocked is not None:
        return as_sentence(_answer(blocked)[0])
    advice = _recommended(comparisons)
    unasked = any(NO_PRIMARY in _answer(row)[0] for row in comparisons) and not advice
    return " ".join([*advice, _known(comparisons, rules), *([UNASKED] if unasked else [])])


NO_PRIMARY: Final = "no primary metric is declared"
UNASKED: Final = "What to do is not recommended: no primary metric is declared (metrics: NAME: role: primary)."

ADVICE: Final = ("Stop ", "Ship ", "Keep running ")
"""How what is recommended begins, harm first."""


def _recommended(comparisons: Sequence[Row]) -> list[str]:
    """What to do with each arm."""
    answers = dict.fromkeys(_answer(row)[0] for row in comparisons)
    return [as_sentence(answer) for begins in ADVICE for answer in answers if answer.startswith(begins)]


def _known(comparisons: Sequence[Row], rules: Rules) -> str:
    """What is decided of each arm, harm first, and of how many measures nothing is known yet."""
    parts = []
    for (arm, decision), rows in _decided(comparisons).items():
        names = ", ".join(measure_name(row["metric"], rules) for row in rows)
        parts.append(f"{arm} {VERBS[decision]} {rows[0]['control']} on {names}")
    open_ = sum(row["decision"] not in VERBS for row in comparisons)
    if not parts:
        return f"No difference can be told yet on any of {count(open_)} measures."
    rest = f" Nothing can be told yet on {open_} more." if open_ else ""
    return "; ".join(parts) + "." + rest  # an arm is spelt as its owner spells it


def _decided(comparisons: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """What is decided, harm first, by arm and decision."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in _ordered(comparisons):
        if row["decision"] in VERBS:
            found.setdefault((str(row["arm"]), str(row["decision"])), []).append(row)
    return found


def _ordered(rows: Sequence[Row]) -> list[Row]:
    """Decided rows first: harm, then good, then difference, then what is open."""
    return sorted(rows, key=lambda row: (ORDER.get(row["decision"], len(ORDER)), str(row["metric"]), str(row["arm"])))


def _forest(comparisons: Sequence[Row], number: int, rules: Rules) -> None:
    """One table: a measure a row, its difference drawn and written, what was decided."""
    rows = [row for row in _ordered(comparisons) if row["effect"] is not None]
    if not rows:
        return
    with st.container(border=True, gap=None, key=f"forest-{number}"):
        with st.container(key=f"muted-head-forest-{number}"):
            for place, words in zip(st.columns(WIDTHS, gap="small"), _heads(rows), strict=True):
                with place:
                    plain(words)
        for row in rows:
            _line(row, rows, rules, _against(row, comparisons))


def _heads(rows: Sequence[Row]) -> tuple[str, ...]:
    return "What is measured", f"Less | more than {rows[0]['control']}", "Difference, with its 95 % range", "Decided"


def _line(row: Row, rows: Sequence[Row], rules: Rules, against: str) -> None:
    name, drawn, size, decision = st.columns(WIDTHS, vertical_alignment="center", gap="small")
    with name:
        plain(f"{_measure(row, rules)}{against}")
    with drawn:
        if row["low"] is not None and row["high"] is not None:
            draw(difference(row, _widest(row, rows), TONES.get(row["decision"], "calm")))
    with size:
        plain(_size(row["metric"], row))
    with decision:
        st.badge(label(row["decision"]), color=COLOURS.get(row["decision"], "gray"))  # type: ignore[arg-type]  # our words


def _against(row: Row, comparisons: Sequence[Row]) -> str:
    """The arm, where there are several against control."""
    return f", {row['arm']}" if len({one["arm"] for one in comparisons}) > 1 else ""


def _widest(row: Row, rows: Sequence[Row]) -> float:
    """How far the axis of a row reaches either side of no difference: the same for all that have its unit."""
    alike = [one for one in rows if _unit(one["metric"]) == _unit(row["metric"])]
    bounds = [abs(one[key]) for one in alike for key in ("low", "high") if one[key] is not None]
    return max(bounds, default=0.0) or 1.0


def _unit(metric: str) -> str:
    return "share" if is_rate(metric) else metric


def _measure(row: Row, rules: Rules) -> str:
    """Return what people call the measure of a row."""
    name = measure_name(row["metric"], rules)
    return name[:1].upper() + name[1:]


def _answer(row: Row) -> tuple[str, str]:
    """What to do with the arm, and what was measured: a reason begins with the one and goes on with the other."""
    answer, _, measured = str(row["reason"]).partition(". ")
    return answer, measured or answer


def _arms(context: Context, arms: Sequence[Row], comparisons: Sequence[Row], number: int) -> None:
    total = sum(row["n_units"] for row in arms)
    columns: tuple[Column[Row], ...] = (
        Column("Arm", itemgetter("arm"), width=3),
        Column("Users", lambda row: count(row["n_units"]), width=2),
        Column("Share", lambda row: share(row["n_units"] / total) if total else "", width=2),
        Column("Answers", lambda row: count(row["n_turns"]), width=2),
    )
    listing(context, f"arms-{number}", columns, arms)
    blocked = next((row for row in comparisons if row["decision"] == "blocked"), None)
    if blocked is not None:
        st.badge("split is off", color="orange", icon=":material/warning:")
        plain(as_sentence(_answer(blocked)[1]))
    elif comparisons:
        st.badge("split is as intended", color="green", icon=":material/check:")
        st.caption("No sign that users went missing from an arm.")


def _silent(rows: Sequence[Row], number: int, rules: Rules) -> None:
    """Comparisons that cannot be made yet: a line an arm and reason instead of an empty chart each."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        alike.setdefault((str(row["arm"]), _why(row)), []).append(measure_name(row["metric"], rules))
    for place, ((arm, why), names) in enumerate(alike.items()):
        with st.container(key=f"muted-silent-{number}-{place}"):
            plain(f"{arm}: {as_sentence(why)} This is so of {', '.join(names)}")


def _why(row: Row) -> str:
    """Why there is nothing to compare, as words that many measures share."""
    measured = _answer(row)[1]
    ended = measured.partition("; ended on ")[2].partition(",")[0]
    why = "the same for every user, so there is nothing to compare" if NO_VARIATION in measured else measured
    return f"{why}; ended on {ended}" if ended and why != measured else why


def _size(metric: str, row: Row) -> str:
    """Return a difference with its interval, in the unit of the measure."""
    if row["low"] is None or row["high"] is None:
        return change(metric, row["effect"])
    low, high = (change(metric, row[key]) for key in ("low", "high"))
    return f"{change(metric, row['effect'])} ({low.removesuffix(' points').removesuffix(' per 1,000 turns')} to {high})"


def _says(metric: str, row: Row) -> str:
    size = "" if row["effect"] is None else f"{_size(metric, row)}. "
    return f"{row['arm']}: {size}{as_sentence(row['reason'])}"
