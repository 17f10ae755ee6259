"""Sources: who sends, what is missing from what they send, and the exact setting that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import streamlit as st

from dashboards.client import Given, Row
from dashboards.connect import collector_url
from dashboards.numbers import count, utc
from dashboards.scope import Context
from dashboards.tables import clickable
from dashboards.text import one_line, plain
from dashboards.views import first_run, source

UNNAMED: Final = "(no name)"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MARKS: Final = {"bad": "■ mend", "warn": "▲ look", "ok": "● fine"}
"""A shape and a word: the state must not hang on a colour."""

_text = st.column_config.TextColumn
_share = st.column_config.NumberColumn

COUNTED: Final = (
    *("calls", "failed", "chats", "answered", "inputs", "outputs"),
    *("tokens", "users", "sessions", "arms"),
)

COLUMNS: Final[dict[str, Any]] = {
    "state": _text("State", width=75),
    "name": _text("Source", width=170),
    "seen": st.column_config.DatetimeColumn("Last seen (UTC)", format="D MMM HH:mm", width=115),
    "calls": st.column_config.NumberColumn("Calls", format="localized", width=70),
    "texts": _share("Texts", format="percent", width=70),
    "tokens": _share("Tokens", format="percent", width=70),
    "users": _share("User", format="percent", width=70),
    "sessions": _share("Session", format="percent", width=70),
    "arms": _share("Arm", format="percent", width=70),
    "errors": _share("Errors", format="percent", width=70),
    "problem": _text("First thing to mend", width=420),
}


def name_of(row: Row) -> str:
    """Return what to call a source."""
    return row["app"] or UNNAMED


def ratio(part: int, whole: int) -> float | None:
    """Return a share, or None where there is nothing to have a share of."""
    return round(part / whole, 3) if whole else None


def carried(row: Row) -> dict[str, tuple[int, int]]:
    """Return how many of a source's calls carry what, and of how many they could."""
    sums = {key: sum(voice[f"n_{key}"] for voice in row["voices"]) for key in COUNTED}
    fine = sums["calls"] - sums["failed"]
    return {
        "inputs": (sums["inputs"], sums["chats"]),
        "outputs": (sums["outputs"], sums["answered"]),
        "tokens": (sums["tokens"], fine),
        "users": (sums["users"], sums["calls"]),
        "sessions": (sums["sessions"], sums["calls"]),
        "arms": (sums["arms"], sums["calls"]),
        "errors": (sums["failed"], sums["calls"]),
    }


def sentence(rows: Sequence[Row]) -> str:
    """Return the state of all sources in one sentence."""
    if not rows:
        return "Nothing was received in this range."
    states = [row["state"] for row in rows]
    parts = [f"{count(len(rows))} {'source' if len(rows) == 1 else 'sources'} in this range"]
    bad, warn = states.count("bad"), states.count("warn")
    if bad:
        parts.append(f"{count(bad)} {'needs' if bad == 1 else 'need'} mending")
    if warn:
        parts.append(f"{count(warn)} {'wants' if warn == 1 else 'want'} a look")
    if not bad and not warn:
        parts.append("nothing to mend")
    exact = all(adds_up(row["ledger"]) for row in rows if row["ledger"])
    parts.append("all that was received is accounted for" if exact else "the ledger does not add up")
    return "; ".join(parts) + "."


def adds_up(ledger: Row) -> bool:
    """Whether everything that was received is accounted for."""
    return bool(ledger["received"] == ledger["stored"] + ledger["duplicate"] + ledger["refused"])


def show(context: Context) -> None:
    """Draw the list, or the one source that the address names."""
    window: dict[str, Given] = {"start": context.scope.start or EPOCH, "end": context.scope.end}
    wanted = st.query_params.get("source")
    if wanted:
        rows = context.agent.sources(**window)["sources"]
        source.show(context, window, next((row for row in rows if name_of(row) == wanted), None))
        return
    rows = context.agent.sources(**window, app=context.scope.app)["sources"]
    with st.container(key="sentence"):
        plain(sentence(rows))
    if rows:
        _list(context, rows)
    with st.expander("Connect another application", icon=":material/add_link:", expanded=not rows):
        first_run.others(collector_url(context.agent.status()))


def _list(context: Context, rows: Sequence[Row]) -> None:
    chosen = clickable([_cells(row) for row in rows], COLUMNS, key="sources")
    if chosen is not None:
        context.go("sources", {"source": name_of(rows[chosen])})
    st.caption(
        "Click a cell for what its calls carry, its ledger, and the setting that mends each problem. "
        "Shares are of the model calls received in this range; texts are asked of chats, tokens of calls that did not fail."
    )


def _cells(row: Row) -> Row:
    has = carried(row)
    shares = {name: ratio(*has[name]) for name in ("tokens", "users", "sessions", "arms", "errors")}
    texts = max(has["inputs"][0], has["outputs"][0])
    serious = [problem for problem in row["problems"] if problem["severity"] != "note"]
    return {
        "state": MARKS.get(row["state"], row["state"]),
        "name": one_line(name_of(row), 60),
        "seen": row["last_seen"] and utc(row["last_seen"]),
        "calls": row["n_calls"],
        "texts": ratio(texts, has["inputs"][1]),
        **shares,
        "problem": one_line(serious[0]["what"], 200) if serious else None,
    }
