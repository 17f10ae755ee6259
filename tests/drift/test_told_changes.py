"""Sixty seeded causes are a statistics test; here: what somebody told is a cause, once, and not where it was elsewhere or long ago."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift import Feeding, decide_drift
from monitor.model.values import ToldChange
from tests.drift.traffic import at, flags, turns

NOTHING = "no recorded change coincides"


def cause(*told: ToldChange, **columns: list[str]) -> str:
    rows = turns({"rule:refusal": flags(35, (800, 0.02), (300, 0.4)), **columns})
    now = aware_utc(rows["time"].max())  # type: ignore[arg-type]
    [found] = decide_drift({}, rows, DriftSettings(), now, feeding=Feeding(changes=told)).findings
    return found.cause


def change(
    kind: str = "policy", what: str = "tone 1.2.0 in force", position: int = 798, app: str | None = "support"
) -> ToldChange:
    return ToldChange(at(position), kind, app, what)


def test_what_was_told_just_before_is_the_cause() -> None:
    assert cause(change()) == f"policy: tone 1.2.0 in force, told for {at(798):%Y-%m-%d %H:%M} UTC"
    assert cause(change(app=None)).startswith("policy: tone")


@pytest.mark.parametrize("told", [change(app="other"), change(position=300), change(position=1050)])
def test_what_was_told_of_elsewhere_or_of_another_time_is_not(told: ToldChange) -> None:
    assert cause(told) == NOTHING


def test_what_traces_show_is_not_named_twice() -> None:
    models = ["a"] * 800 + ["b"] * 300
    told = cause(change("model", "now b"), model=models)
    assert told == f"model changed from a to b on {at(800):%Y-%m-%d}"


def test_two_at_once_cannot_be_told_apart() -> None:
    told = cause(change("grader", "judge v2"), model=["a"] * 800 + ["b"] * 300)
    assert told.endswith("(at once: cannot be told apart)")
    assert "model changed from a to b" in told
    assert "grader: judge v2" in told


def test_hostile_words_are_one_plain_line() -> None:
    assert "\x1b" not in cause(change(what="x\x1b[31m\ny"))


def test_a_change_is_told_within_an_hour_before_traffic_follows() -> None:
    early = ToldChange(at(798) - timedelta(minutes=50), "release", None, "v12")
    assert cause(early).startswith("release: v12")
