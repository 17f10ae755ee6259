"""Hourly sums: finishing adds to them a little at a time, and what is read of an hour is one row that says the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.store.finishing.finish import finish
from monitor.store.finishing.rollup import BOUNDS_MS, MOST_HOURS, compact
from monitor.store.maintain import maintain
from tests.store.rows import Home, a_call, frame

TURNS = 9
WAIT = (timedelta(seconds=2), timedelta(minutes=1))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A store whose turns were finished two at a time, of two models, some without an environment."""
    made = Home(tmp_path)
    calls = [
        a_call(
            f"c{number}",
            number,
            trace_id=f"{number:02x}" * 16,
            duration_ms=40.0 * 4**number,
            response_model=f"m{number % 2}",
            environment=None if number % 3 else "live",
        )
        for number in range(TURNS)
    ]
    made.take(frame(spans=calls))
    assert finish(made.store, made.clock.now(), *WAIT, flush=True, most=2) == TURNS
    yield made
    made.store.close()


def test_an_hour_is_one_row_that_says_what_its_rows_said(home: Home) -> None:
    hours = "SELECT * FROM hours ORDER BY ALL"
    said, rows = home.rows(hours), home.rows("SELECT count(*) AS n FROM base.rollup")[0]["n"]
    assert len(said) < rows, "finishing added several rows to one hour, else this shows nothing"
    with home.store.transaction() as txn:
        assert compact(txn) == 1
    assert home.rows("SELECT * FROM base.rollup ORDER BY ALL") == home.rows(hours) == said
    bins = [sum(column) for column in zip(*(json.loads(row["duration_hist"]) for row in said), strict=True)]
    assert (len(bins), sum(bins), bins[-1]) == (len(BOUNDS_MS) + 1, TURNS, 3), "three took longer than the last bound"
    counted = "SELECT environment, model, count(*) AS n, sum(duration_ms) AS ms FROM turns GROUP BY ALL ORDER BY ALL"
    summed = "SELECT environment, model, n_turns AS n, duration_ms_sum AS ms FROM base.rollup ORDER BY ALL"
    assert home.rows(summed) == home.rows(counted)


def test_a_long_past_is_summed_a_few_hours_at_a_time(home: Home) -> None:
    row = {
        "app": "shop",
        "environment": None,
        "model": "m",
        "n_turns": 1,
        "n_errors": 0,
        "n_calls": 1,
        "duration_hist": "[1,0]",
    }
    first = datetime(2026, 1, 1)  # noqa: DTZ001 - the store keeps naive UTC
    with home.store.transaction() as txn:
        txn.insert("rollup", [row | {"hour": first + timedelta(hours=n // 2)} for n in range(4 * MOST_HOURS)])
    with home.store.transaction() as txn:
        assert compact(txn) == MOST_HOURS
    maintain(home.store, home.folder / "spool", timedelta(hours=1))
    past = "SELECT count(*) AS n, sum(n_turns)::BIGINT AS turns, any_value(duration_hist) AS hist FROM base.rollup WHERE app = 'shop' AND model = 'm' AND hour < TIMESTAMP '2026-02-01'"
    assert home.rows(past) == [{"n": 2 * MOST_HOURS, "turns": 4 * MOST_HOURS, "hist": "[2,0]"}]


def test_what_is_one_row_already_is_left_alone_and_new_turns_are_added_to_it(home: Home) -> None:
    maintain(home.store, home.folder / "spool", timedelta(hours=1))
    with home.store.transaction() as txn:
        assert compact(txn) == 0
    home.take(frame(spans=[a_call("late", 5, trace_id="ee" * 16, response_model="m0", environment="live")]))
    assert home.finish() == 1
    maintain(home.store, home.folder / "spool", timedelta(hours=1))
    assert home.rows(
        "SELECT sum(n_turns) AS n, count(*) - count(DISTINCT (app, environment, model)) AS twice FROM base.rollup"
    ) == [{"n": TURNS + 1, "twice": 0}]
