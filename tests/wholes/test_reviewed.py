"""In a review a rule about sessions is asked of the answers with which one ended, beside all that was said in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import naive_utc
from monitor.config.schema import Settings
from monitor.steps import House
from monitor.store.review_units import Stretch, review_units, session_texts
from plumbline.reviews.freezing import asking, frozen
from plumbline.reviews.outcome import Outcome, Words
from tests.store.rows import START, Home
from tests.wholes.test_wholes import POLICY, live, trace


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "data")
    lived = House(found.store, Settings(), [POLICY], found.clock, None)
    told = [trace(1, 0, "a bad word"), trace(2, 60, "fine"), trace(3, 60, "well", session="other")]
    for one in told:
        one["features"] = [
            {"trace_id": text["trace_id"], "span_id": text["span_id"], "time": text["time"], "output_chars": 4}
            for text in one["content"]
        ]
    live(found, lived, 70, *told)
    live(found, lived, 1900)
    yield found
    found.store.close()


def test_sessions_are_asked_where_they_ended(home: Home) -> None:
    at = naive_utc(START)
    units = review_units(home.store, Stretch(at, at + timedelta(days=1), 100, naive_utc(home.clock.now())), [], [])
    assert {int(unit, 16): ends for unit, ends in units.select("unit_id", "ends").iter_rows()} == {
        1: False,
        2: True,
        3: True,
    }
    _, items = frozen(units, 10, 7, asking([POLICY], units, ()))
    asked = {int(item["unit_id"], 16): sorted(item["rules"]) for item in items}
    assert asked == {1: ["TRACE", "TURN"], 2: ["SESSION", "TRACE", "TURN"], 3: ["SESSION", "TRACE", "TURN"]}
    said = [
        {
            "unit_id": item["unit_id"],
            "rule_id": "SESSION",
            "verdict": verdict,
            "adjudicated": 0,
            "seq": 1,
            "person": "ana",
        }
        for item in items
        if "SESSION" in item["rules"]
        for verdict in ["violates" if int(item["unit_id"], 16) == 2 else "complies"]
    ]
    [told] = [
        row
        for row in Outcome(items, Words.of(said), units, None, {}, {}, sessions={"SESSION"}).rules()
        if row["rule_id"] == "SESSION"
    ]
    assert (told["n_asked"], told["n_judged"], told["value"]) == (2, 2, 0.5), "a rate of sessions, not of answers"
    assert told["low"] == told["high"]
    whole = session_texts(home.store, f"{2:032x}")
    assert whole is not None
    assert whole["answered"] == "a bad word\n\nfine"
    assert session_texts(home.store, f"{1:032x}") is None
