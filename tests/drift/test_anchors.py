"""A change is open until it returned, was accepted or has expired; the anchor of before stays, and a slow rise is one finding."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import DriftSettings
from monitor.drift import Feeding, decide_drift
from tests.drift.traffic import STEP, Watch, at, flags, turns

SETTINGS = DriftSettings(timezone="none")


def watched(*parts: tuple[int, float], seed: int = 1, batch: int = 100) -> Watch:
    watch = Watch(SETTINGS)
    watch.feed(turns({"rule:refusal": flags(seed, *parts)}), batch)
    return watch


def test_a_change_that_returns_before_there_is_a_second_reference_is_seen_to_return() -> None:
    watch = watched((1000, 0.05), (120, 0.6), (110, 0.05))
    [finding] = watch.findings
    assert watch.returned == [finding.id]
    watch.feed(turns({"rule:refusal": flags(9, (1500, 0.05))}, start=1230), 100)
    assert len(watch.findings) == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_change_that_stays_does_not_return(seed: int) -> None:
    watch = watched((1000, 0.05), (2500, 0.3), seed=seed, batch=20)
    assert len(watch.findings) == 1
    assert watch.returned == []


def test_a_number_returns_too() -> None:
    rng = np.random.default_rng(2)
    watch = Watch(SETTINGS)
    chars = np.concatenate((rng.lognormal(5, 0.5, 1000), rng.lognormal(6, 0.5, 900), rng.lognormal(5, 0.5, 700)))
    watch.feed(turns({"output_chars": chars}), 100)
    assert [finding.id for finding in watch.findings] == watch.returned


def test_what_was_accepted_is_the_new_normal_and_going_back_is_news() -> None:
    watch = watched((1000, 0.05), (600, 0.4))
    watch.accepted = [watch.findings[0].id]
    watch.feed(turns({"rule:refusal": flags(3, (900, 0.4), (500, 0.05))}, start=1600), 100)
    there, back = watch.findings
    assert watch.returned == []
    assert back.reference_value == pytest.approx(0.4, abs=0.05)
    assert back.change < 0 < there.change


def test_accepting_can_be_taken_back() -> None:
    watch = watched((1000, 0.05), (600, 0.4))
    watch.accepted = [watch.findings[0].id]
    watch.feed(turns({"rule:refusal": flags(3, (200, 0.4))}, start=1600), 100)
    watch.accepted = []
    watch.feed(turns({"rule:refusal": flags(4, (700, 0.05))}, start=1800), 100)
    assert watch.returned == [watch.findings[0].id]


@pytest.mark.parametrize("seed", range(4))
def test_a_change_that_comes_and_goes_in_one_batch_is_one_finding_that_returned(seed: int) -> None:
    """History that is imported is taken in thousands of turns at a time."""
    watch = Watch(SETTINGS)
    rows = turns({"rule:refusal": flags(40 + seed, (1000, 0.05), (400, 0.5), (1400, 0.05))})
    watch.feed(rows, rows.height)
    [found] = watch.findings
    assert found.current_value == pytest.approx(0.5, abs=0.1)
    assert watch.returned == [found.id]
    watch.feed(turns({"rule:refusal": flags(50 + seed, (800, 0.05))}, start=2800), 100)
    watch.feed(turns({"rule:refusal": flags(60 + seed, (300, 0.5))}, start=3600), 100)
    assert len(watch.findings) == 2, "it is watched against what it was before"


def test_what_has_expired_is_the_new_normal() -> None:
    watch = Watch(DriftSettings(timezone="none", expires="2d"))
    watch.feed(turns({"rule:refusal": flags(5, (1000, 0.05), (1400, 0.4), (500, 0.05))}), 100)
    assert len(watch.findings) == 2
    assert watch.returned == []


def test_a_rise_over_weeks_is_one_finding_that_says_how_far_it_came() -> None:
    rng = np.random.default_rng(6)
    n = 14_000
    share = np.clip(0.03 + 0.24 * (np.arange(n) - 4000) / 10_000, 0.03, None)
    watch = Watch(DriftSettings(timezone="none", expires="60d"))
    rows = turns({"rule:refusal": (rng.random(n) < share).astype(float)})
    watch.feed(rows, 288)
    [finding] = watch.findings
    assert {rise.finding for rise in watch.rises} == {finding.id}
    last = watch.rises[-1]
    assert last.current_value > finding.current_value
    assert last.change == pytest.approx(last.current_value - finding.reference_value, abs=0.01)
    parts = (rise.sentence.partition("; it goes on, by ")[2].partition(" points a day")[0] for rise in watch.rises)
    told = [float(part) for part in parts if part]
    assert np.median(told) == pytest.approx(100 * 0.24 / 10_000 * 288, rel=0.6), (
        "told where it is sure, so rather too much"
    )
    assert "begun between" not in last.sentence, (
        "the range of the start is that of the finding, not of the rise that went on"
    )
    assert watch.returned == []


def test_a_second_step_is_a_second_finding_against_the_provisional_reference() -> None:
    watch = watched((1000, 0.05), (900, 0.3), (600, 0.7))
    first, second = watch.findings
    assert first.current_value == pytest.approx(0.3, abs=0.1)
    assert second.reference_value == pytest.approx(0.3, abs=0.05)


def test_each_segment_closes_with_the_whole() -> None:
    rng = np.random.default_rng(8)
    n = 3200
    values = flags(8, (1600, 0.05), (800, 0.6), (800, 0.05))
    watch = Watch(SETTINGS)
    watch.feed(turns({"rule:refusal": values, "prompt_name": rng.choice(["a", "b"], n).tolist()}), 100)
    assert watch.returned == [finding.id for finding in watch.findings]


def test_a_state_with_an_anchor_is_no_larger() -> None:
    rng = np.random.default_rng(9)
    watch = Watch(SETTINGS)
    chars = np.concatenate((rng.lognormal(5, 0.5, 2500), rng.lognormal(6, 0.5, 2600)))
    watch.feed(turns({"output_chars": chars}), 200)
    assert watch.findings
    assert max(len(state) for key, state in watch.states.items() if key != "memory") <= 8 * 1024


def test_a_late_batch_decides_like_any_other() -> None:
    rows = turns({"rule:refusal": flags(10, (1000, 0.05), (800, 0.4), (800, 0.05))})
    watch = Watch(SETTINGS)
    watch.feed(rows, 100)
    watch.feed(rows[500:600].with_columns(unit_id=pl.format("late-{}", "unit_id")), 100)
    assert watch.returned == [watch.findings[0].id]
    assert watch.findings[0].since_low <= at(1000) + 10 * STEP


def test_an_anchor_of_other_graders_is_let_go() -> None:
    watch = watched((1000, 0.05), (600, 0.4))
    states, now = dict(watch.states), at(2400)
    for version, part in (
        ("one", turns({"rule:refusal": flags(11, (10, 0.4))}, 1600)),
        ("two", turns({"rule:refusal": flags(12, (400, 0.05))}, 1610)),
    ):
        feeding = Feeding(graded_by=lambda _metric, _app, version=version: version)  # type: ignore[misc]
        outcome = decide_drift(states, part, SETTINGS, now, feeding=feeding)
        states.update(outcome.states)
        assert outcome.returned == []
