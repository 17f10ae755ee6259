"""One source: its problems with their fixes, what its calls carry, who tells of them, its ledger, what was not understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboards.client import Given, Row
from dashboards.numbers import count, share, took, utc, when
from dashboards.scope import Context
from dashboards.tables import facts, still
from dashboards.text import code, label, one_line, plain

BADGES: Final = {
    "bad": ("mend", "red", ":material/error:"),
    "warn": ("look", "orange", ":material/warning:"),
    "note": ("note", "gray", ":material/info:"),
}
SHOWN: Final[dict[str, tuple[str, str, int]]] = {
    "inputs": ("n_chats", "Input", 60),
    "outputs": ("n_answered", "Answer", 65),
    "tokens": ("fine", "Tokens", 65),
    "users": ("n_calls", "User", 60),
    "sessions": ("n_calls", "Session", 65),
    "arms": ("n_calls", "Arm", 55),
    "response_ids": ("fine", "Response id", 85),
    "costs": ("fine", "Cost", 60),
    "failed": ("n_calls", "Errors", 60),
}
"""What a call can carry: of what it is a share, its name, and how wide its column is."""

_text = st.column_config.TextColumn
_number = st.column_config.NumberColumn


def _delay(seconds: float | None) -> str | None:
    return None if seconds is None else took(1000 * seconds)


def show(context: Context, window: Mapping[str, Given], row: Row | None) -> None:
    """Draw one source of the answer of the agent."""
    context.link("sources", {}, "All sources")
    if row is None:
        st.title("Not found", anchor=False)
        st.info("Nothing of this source was received in this range. Choose a longer one.")
        return
    st.title(label(row["app"] or "Spans without a service name", 80), anchor=False)
    with st.container(key="sentence"):
        plain(sentence(row))
    _facts(row)
    serious = [problem for problem in row["problems"] if problem["severity"] != "note"]
    notes = [problem for problem in row["problems"] if problem["severity"] == "note"]
    if serious:
        st.subheader("To mend")
    for number, problem in enumerate(serious):
        _problem(problem, row, number)
    _voices(row)
    if notes:
        with st.expander(f"{count(len(notes))} more that could be had", icon=":material/info:"):
            for number, problem in enumerate(notes, len(serious)):
                _problem(problem, row, number)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _ledger(context, window, row)
    with right:
        _keys(row)


def sentence(row: Row) -> str:
    """Return what one source is like, in one sentence."""
    serious = sum(problem["severity"] != "note" for problem in row["problems"])
    todo = f"{count(serious)} {'thing' if serious == 1 else 'things'} to mend" if serious else "nothing to mend"
    name = one_line(row["app"], 80) or "Spans without a service name"
    return f"{name}: {count(row['n_calls'])} model calls in {count(row['n_spans'])} spans; {todo}."


def _facts(row: Row) -> None:
    metered = row["metered"]
    with st.container(border=True):
        facts(
            {
                "Last seen": when(row["last_seen"]) if row["last_seen"] else None,
                "First seen in this range": when(row["first_seen"]) if row["first_seen"] else None,
                "Environments": ", ".join(row["environments"]) or None,
                "Arrives after": _delay(row["lag_median_s"])
                and f"{_delay(row['lag_median_s'])} (worst {_delay(row['lag_worst_s'])})",
                "Traces": _of(row["n_traces"], row["n_orphans"], "without root"),
                "Log events": _of(row["n_events"], row["n_loose"], "without trace"),
                "Scores": _of(row["n_scores"], row["n_lost"], "without target"),
                "Calls the client counted": metered
                and f"{count(metered['n_metered'])}, of which {count(metered['n_sent'])} were sent",
                "Cut fields": f"in {count(row['n_cut'])} spans" if row["n_cut"] else None,
                "Told twice, counted once": f"{count(row['n_repeats'])} calls" if row["n_repeats"] else None,
            }
        )


def _of(whole: int, part: int, what: str) -> str | None:
    if not whole:
        return None
    return f"{count(whole)}, {count(part)} {what}" if part else f"{count(whole)}, all joined"


def _problem(problem: Row, row: Row, number: int) -> None:
    word, colour, icon = BADGES.get(problem["severity"], BADGES["note"])
    fix = problem["fix"]
    with st.container(border=True, gap="xsmall", key=f"problem-{number}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"name-problem-{number}"):
            st.badge(word, color=colour, icon=icon)  # type: ignore[arg-type]  # our own three words
            plain(as_title(problem["what"]))
        with st.container(key=f"muted-why-{number}", gap="xsmall"):
            named = problem["voice"] if len(row["voices"]) > 1 else None
            plain(f"{problem['why']} (told by {one_line(named, 80)})" if named else problem["why"])
        plain(f"{fix['do']}{':' if fix['lines'] else '.'}")
        if fix["lines"]:
            code("\n".join(fix["lines"]), "bash")


def as_title(text: str) -> str:
    """Return `text` with a capital."""
    return text[:1].upper() + text[1:]


def _voices(row: Row) -> None:
    if not row["voices"]:
        return
    st.subheader("What its calls carry")
    cells = [_voice(voice) for voice in row["voices"]]
    if len(cells) > 1:
        st.caption("One line an instrumentation; a call told by two is counted once, by the one that knows more.")
    shares = {key: _number(name, format="percent", width=width) for key, (_, name, width) in SHOWN.items()}
    columns: dict[str, Any] = {
        "scope": _text("Instrumentation", width=290),
        "dialect": _text("Dialect", width=95),
        "versions": _text("Version", width=70),
        "sdks": _text("SDK", width=105),
        "calls": _number("Calls", format="localized", width=60),
        **shares,
        "models": _text("Models", width=140),
    }
    still(cells, columns)


def _voice(voice: Row) -> Row:
    whole = {**voice, "fine": voice["n_calls"] - voice["n_failed"]}
    shares = {key: round(whole[f"n_{key}"] / whole[of], 3) if whole[of] else None for key, (of, _, _) in SHOWN.items()}
    listed = {key: one_line(", ".join(voice[key]), 120) or None for key in ("versions", "sdks", "models")}
    named = {key: one_line(voice[key], 80) for key in ("scope", "dialect")}
    return {**named, **listed, "calls": voice["n_calls"], **shares}


def _ledger(context: Context, window: Mapping[str, Given], row: Row) -> None:
    st.subheader("Ledger")
    days = context.agent.read("source_days", **window, app=row["app"] or "unknown")
    if not days:
        st.caption("Nothing is in the ledger under this name: what it sent came in under another, such as a file.")
        return
    cells = [{**{part: day[part] for part in PARTS}, "day": utc(day["day"]).date(), "why": _why(day)} for day in days]
    numbers = {part: _number(part.capitalize(), format="localized", width=85) for part in PARTS}
    columns: dict[str, Any] = {"day": st.column_config.DateColumn("Day", format="D MMM YYYY", width=95), **numbers}
    if any(cell["why"] for cell in cells):
        columns["why"] = _text("Refused because", width=260)
    still(cells, columns)
    exact = all(day["received"] == day["stored"] + day["duplicate"] + day["refused"] for day in days)
    st.caption(f"received = stored + duplicate + refused: it {'adds up' if exact else 'does not add up'} on every day.")


def _why(day: Row) -> str | None:
    """Why something of a day was refused, and what of it nobody understood."""
    return one_line("; ".join(filter(None, (day["not_understood"], day["reasons"]))), 300) or None


PARTS: Final = ("received", "stored", "duplicate", "refused")


def _keys(row: Row) -> None:
    st.subheader("What was understood")
    if not row["n_spans"]:
        st.caption("No span in this range.")
        return
    puzzling = row["n_puzzling"] / row["n_spans"]
    st.caption(
        f"{share(puzzling)} of spans have a GenAI-looking key that the rules do not know; it is kept as it came."
        if puzzling
        else "The rules know every GenAI-looking key of its spans."
    )
    keys: Sequence[tuple[str, int]] = list(row["keys"].items())
    if keys:
        cells = [{"key": one_line(key, 120), "n": n} for key, n in keys[:50]]
        still(cells, {"key": _text("Unknown key", width=320), "n": _number("Spans", format="localized", width=80)})
        st.caption("They are kept among the attributes of their spans, but count nowhere.")
