"""The public ledger says what the budget buys: what was raised, what to expect, what is watched how well, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
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
    assert reasons["further metrics and segments"] == "drift.max_streams is 2"
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
