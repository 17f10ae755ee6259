"""From the named reads of a window to the facts of each source, and to the answer of the api."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.clock import naive_utc
from monitor.diagnosis.diagnose import diagnose, state_of
from monitor.diagnosis.facts import Facts, Habit, Ledger, Metered, Stranger, Voice
from monitor.store.opening import Store
from monitor.store.pages import PAGES, read_page

Row = dict[str, Any]
Answers = Mapping[str, list[Row]]

USUAL: Final = timedelta(days=7)
"""How far back one looks who does not say."""
UNNAMED: Final = "unknown"
"""What the ledger calls spans whose resource has no service name."""
ASKED: Final = (
    "source_spans",
    "source_voices",
    "source_orphans",
    "source_logs",
    "source_scores",
    "source_meters",
    "source_habits",
    "source_ledger",
    "source_refusals",
    "source_keys",
    "source_strangers",
)
RENAMED: Final = {"example": "orphan"}
ORDER: Final = {"bad": 0, "warn": 1, "ok": 2}


def sources(
    store: Store, params: Mapping[str, str], now: datetime, texts_from: datetime | None = None
) -> dict[str, Any]:
    """Return every source of a window with its facts and problems, worst first, ready to be JSON.

    `params` may hold `start` and `end` (times of receipt; default: the seven days up to `now`) and `app` (one source). By
    default the window begins no earlier than `texts_from` (naive UTC): a text that is no longer kept is not one that is missing.
    Raises `UsageError` for a parameter that is unknown or cannot be read.
    """
    window = PAGES["source_spans"].bind(dict(params))
    end = window["end"] if params.get("end") else naive_utc(now)
    usual = max(filter(None, (naive_utc(now) - USUAL, texts_from)))
    start = window["start"] if params.get("start") else usual
    given = {"start": f"{start}", "end": f"{end}", **({"app": str(window["app"])} if window["app"] else {})}
    answers = {name: _asked(store, name, given) for name in ASKED}
    told = [_told(facts, naive_utc(now)) for facts in facts_of(answers)]
    told.sort(key=lambda source: (ORDER[source["state"]], -source["n_spans"], str(source["app"])))
    return {"start": start, "end": end, "sources": told}


def _asked(store: Store, name: str, given: Mapping[str, str]) -> list[Row]:
    known = {key: value for key, value in given.items() if key in PAGES[name].params}
    rows: list[Row] = read_page(store, name, known, {}).to_pylist()
    return rows


def _told(facts: Facts, now: datetime) -> Row:
    problems = diagnose(facts, now)
    voices = [asdict(voice) for voice in facts.voices]
    return {
        **asdict(facts),
        "voices": voices,
        "n_calls": facts.n_calls,
        "state": state_of(problems),
        "problems": [asdict(problem) for problem in problems],
    }


def facts_of(answers: Answers) -> list[Facts]:
    """Return one `Facts` per source that any of the reads knows; pure."""
    return [_facts(app, answers) for app in _apps(answers)]


def _apps(answers: Answers) -> list[str | None]:
    named = {row["app"]: None for name in ASKED for row in answers.get(name, ()) if "app" in row}
    doors = {
        _app(row["source"]): None for name in ("source_ledger", "source_strangers") for row in answers.get(name, ())
    }
    return list(named | doors)


def _app(source: str | None) -> str | None:
    return None if source == UNNAMED else source


def _facts(app: str | None, answers: Answers) -> Facts:
    def mine(name: str) -> list[Row]:
        return [row for row in answers.get(name, ()) if _whose(row) == app]

    counted: Row = {}
    for name in ("source_spans", "source_orphans", "source_logs", "source_scores"):
        for row in mine(name):
            counted |= {RENAMED.get(key, key): value for key, value in row.items()}
    ledger, metered, habit = (mine(name) for name in ("source_ledger", "source_meters", "source_habits"))
    return Facts(
        **(_fitting(Facts, counted) | {"app": app}),
        voices=tuple(Voice(**_fitting(Voice, row)) for row in mine("source_voices")),
        ledger=Ledger(**_fitting(Ledger, ledger[0])) if ledger else None,
        refusals=_tally(mine("source_refusals"), "reason"),
        keys=_tally(mine("source_keys"), "key"),
        strangers=tuple(_stranger(row) for row in mine("source_strangers")),
        metered=Metered(**_fitting(Metered, metered[0])) if metered else None,
        habit=Habit(**_fitting(Habit, habit[0])) if habit else None,
    )


def _stranger(row: Row) -> Stranger:
    pairs = (line.partition("\t") for line in (row["keys"] or "").split("\n") if line)
    keys = tuple((key, kind) for key, _, kind in pairs)
    return Stranger(row["scope"] or "", row["signal"], row["name"] or "", int(row["n"]), keys)


def _whose(row: Row) -> str | None:
    app: str | None = row["app"] if "app" in row else _app(row["source"])
    return app


def _tally(rows: Iterable[Row], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[str(row[name])] = counts.get(str(row[name]), 0) + int(row["n"])
    return counts


def _fitting(shape: type[Any], row: Row) -> Row:
    """The columns of a row that are fields of `shape`; lists become tuples, and NULL leaves the default."""
    names = {f.name for f in fields(shape)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.items()
        if name in names and value is not None
    }
