"""Sources: who sends, what is missing from what they send, and the exact setting that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import streamlit as st

from dashboards.client import Given, Row
from dashboards.connect import collector_url
from dashboards.listing import Column, listing
from dashboards.numbers import count, percent, share, when
from dashboards.scope import Context
from dashboards.text import plain
from dashboards.views import first_run, source

UNNAMED: Final = "(no name)"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MARKS: Final = {"bad": "mend", "warn": "look", "ok": "fine"}
COLOURS: Final = {"bad": "red", "warn": "orange", "ok": "green"}

COUNTED: Final = (
    *("calls", "failed", "chats", "answered", "inputs", "outputs"),
    *("tokens", "users", "sessions", "arms"),
)


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
    listing(context, "sources", SOURCES, rows)
    st.caption(
        "Shares are of the model calls received in this range; texts are asked of chats, tokens of calls that did not fail."
    )


def _mends(row: Row) -> str:
    """The first thing to mend, in words."""
    serious = [problem for problem in row["problems"] if problem["severity"] != "note"]
    return str(serious[0]["what"]) if serious else "nothing"


def _carries(row: Row) -> str:
    """How many of its calls carry what somebody will look for."""
    has = carried(row)
    texts = max(has["inputs"][0], has["outputs"][0])
    shares = {"texts": ratio(texts, has["inputs"][1])}
    shares |= {name: ratio(*has[key]) for name, key in (("tokens", "tokens"), ("users", "users"), ("arms", "arms"))}
    return ", ".join(f"{name} {percent(of)}" for name, of in shares.items() if of is not None)


def _fails(row: Row) -> str:
    failed = ratio(*carried(row)["errors"])
    return "" if failed is None else share(failed)


SOURCES: Final[tuple[Column[Row], ...]] = (
    Column("Source", name_of, link=lambda row: ("sources", {"source": name_of(row)}), width=3),
    Column(
        "State",
        lambda row: MARKS.get(row["state"], row["state"]),
        colour=lambda row: COLOURS.get(row["state"], "gray"),
        width=1,
    ),
    Column("To mend", _mends, width=4),
    Column("Calls", lambda row: count(row["n_calls"])),
    Column("They carry", _carries, width=4),
    Column("Errors", _fails),
    Column("Last seen", lambda row: when(row["last_seen"]) if row["last_seen"] else "", width=3),
)
