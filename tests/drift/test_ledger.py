"""The public ledger says what the budget buys: what was raised, what to expect, what is watched how well, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift.kinds import TEXT
from monitor.drift.ledger import ledger
from tests.drift.traffic import STEP, Watch, at, flags, turns

NOW = at(4000)


def told(settings: DriftSettings, n: int) -> dict[str, Any]:
    watch = Watch(settings)
    rng = np.random.default_rng(1)
    watch.feed(
        turns({"error": flags(1, (n, 0.05)), "output_chars": rng.lognormal(5, 1, n), "steps": rng.integers(1, 4, n)})
    )
    return ledger(watch.states, settings, 2, NOW)


def test_each_stream_says_the_smallest_change_that_a_week_would_show() -> None:
    said = told(DriftSettings(timezone="none"), 4000)
    lines = {line["metric"]: line for line in said["streams"]}
    smallest = lines["error"]["smallest"]
    assert 0.02 < smallest < 0.15
    assert 0.03 < lines["output_chars"]["smallest"] < 0.3
    assert lines["steps"]["share_of_budget"] == pytest.approx(0.2)
    found = Watch(DriftSettings(timezone="none"))
    week = int(7 * 24 * 60 / 5)
    found.feed(turns({"error": flags(2, (4000, 0.05), (week, 0.05 + 1.3 * smallest))}), 500)
    assert [finding.metric for finding in found.findings] == ["error"]


def test_what_was_raised_stands_beside_what_is_to_be_expected() -> None:
    said = told(DriftSettings(timezone="none"), 4000)
    assert (said["raised"], said["budget"]) == (2, {"alarms": 1.0, "per": "365d"})
    assert said["expected_false"] == pytest.approx(4000 * STEP.total_seconds() / 86400 / 365, rel=0.01)


def test_what_is_not_watched_is_named_with_the_reason() -> None:
    said = told(DriftSettings(ignore=("output_chars",), max_streams=2), 200)
    reasons = {row["what"]: row["why"] for row in said["not_watched"]}
    assert reasons["output_chars"] == "drift.ignore says so"
    assert not any("max_streams" in why for why in reasons.values()), "of two streams one is ignored, and one is free"
    assert "volume of traffic" in reasons
    assert {line["state"] for line in said["streams"]} == {"not enough baseline (200 of 250)"}
    assert {line["smallest"] for line in said["streams"]} == {None}


def test_parts_of_the_week_without_a_reference_are_said() -> None:
    watch = Watch()
    watch.feed(turns({"error": flags(3, (1000, 0.1))}))
    [line] = ledger(watch.states, DriftSettings(), 0, aware_utc(NOW))["streams"]
    assert line["state"].startswith("watched at 7")


def test_an_empty_house_has_a_ledger() -> None:
    said = ledger({}, DriftSettings(), 0, NOW)
    assert (said["streams"], said["expected_false"]) == ([], 0.0)


def crowded(most: int) -> Watch:
    """Two applications with three measures each, one of them with two prompts, and no room for all."""
    watch = Watch(DriftSettings(timezone="none", max_streams=most))
    rng = np.random.default_rng(4)
    columns = {
        "error": flags(4, (300, 0.05)),
        "duration_ms": rng.lognormal(6, 1, 300),
        "steps": rng.integers(1, 4, 300),
        "prompt_name": rng.choice(["faq", "legal"], 300).tolist(),
    }
    watch.feed(turns(columns, app="shop"), 100)
    watch.feed(turns({**columns, "prompt_name": [None] * 300}, start=300, app="help\n<b>desk"), 100)
    return watch


def test_what_finds_no_room_is_named_by_application_and_told_with_how_much_room_it_takes() -> None:
    watch = crowded(4)
    said = ledger(watch.states, watch.settings, 0, NOW)
    lacking = {row["what"]: row["why"] for row in said["not_watched"] if "app" in row}
    assert lacking == dict.fromkeys(
        [
            "help <b>desk: 2 measures (turns with an error, model calls of a turn)",
            "shop: 1 segment (prompt legal)",
        ],
        "no room beside 5 streams (drift.max_streams)",
    )
    assert said["room"] == {"most": 4, "needed": 6}
    watched = {(line["app"], line["metric"]) for line in said["streams"]}
    assert ("help\n<b>desk", "duration_ms") in watched, (
        "segments that came early take no room from an app that comes later"
    )


def test_what_people_act_on_comes_first_where_there_is_little_room() -> None:
    assert {line["metric"] for line in ledger(crowded(2).states, DriftSettings(), 0, NOW)["streams"]} == {
        "duration_ms",
        "error",
    }


def test_with_room_for_all_nothing_is_said_to_lack_it() -> None:
    watch = crowded(100)
    said = ledger(watch.states, watch.settings, 0, NOW)
    assert not [row for row in said["not_watched"] if "app" in row]
    wider = ledger(crowded(4).states, DriftSettings(max_streams=100), 0, NOW)
    assert not [row for row in wider["not_watched"] if "app" in row], "with the next turns they are watched"


def test_a_hostile_number_of_applications_does_not_grow_the_memory() -> None:
    watch = Watch(DriftSettings(timezone="none", max_streams=1))
    for number in range(600):
        watch.feed(turns({"error": [0.0], "duration_ms": [5.0]}, start=number, app=f"app-{number}"))
    watch.feed(turns({"error": [0.0]}, start=700, app="app-0"))
    assert len(watch.states["memory"]) < 40_000


def lacking(watch: Watch, position: int) -> dict[str, str]:
    said = ledger(watch.states, watch.settings, 0, at(position))
    return {row["app"]: row["what"] for row in said["not_watched"] if "app" in row}


def test_every_measure_of_every_application_that_finds_no_room_is_counted() -> None:
    """Thirty-one applications with as much traffic: counters that lose to each other would remember none."""
    watch = Watch(DriftSettings(timezone="none", max_streams=2))
    columns = {"error": flags(4, (30, 0.1)), "duration_ms": np.arange(30.0), "steps": np.ones(30)}
    for number in range(32):
        watch.feed(turns(columns, start=30 * number, app=f"app {number:02d}"), 30)
    assert len(lacking(watch, 1000)) == 32
    assert ledger(watch.states, watch.settings, 0, at(1000))["room"] == {"most": 2, "needed": 96}


def test_an_application_that_sends_nothing_more_or_next_to_nothing_lacks_nothing() -> None:
    watch = Watch(DriftSettings(timezone="none", max_streams=1))
    watch.feed(turns({"error": flags(4, (30, 0.1)), "duration_ms": np.arange(30.0)}), 30)
    watch.feed(turns({"error": [0.0], "duration_ms": [5.0]}, start=30, app="tried once"))
    assert set(lacking(watch, 40)) == {"support"}
    assert not lacking(watch, 40 + 12 * 24 * 29)


def test_how_answers_are_worded_is_told_to_lack_room_too() -> None:
    watch = Watch(DriftSettings(timezone="none", max_streams=1))
    watch.feed(turns({"error": flags(4, (30, 0.1)), f"{TEXT}answers": ["your parcel left the depot"] * 30}), 30)
    assert lacking(watch, 40) == {"support": "support: 1 measure (answers that are worded otherwise)"}


@pytest.mark.parametrize("name", ["sh\x1fop", "p\x1fq\x1fr", "\n\x1b[2J"])
def test_names_with_control_characters_are_told_on_one_line(name: str) -> None:
    watch = Watch(DriftSettings(timezone="none", max_streams=1))
    columns: dict[str, Any] = {
        "error": flags(4, (60, 0.1)),
        f"score:{name}": np.arange(60.0),
        "prompt_name": [name] * 60,
    }
    watch.feed(turns(columns, app=name), 60)
    said = lacking(watch, 70)
    assert set(said) >= {name}
    assert all(what.isprintable() for what in said.values())
