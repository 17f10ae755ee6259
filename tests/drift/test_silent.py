"""What breaks in silence is found: a measure that vanishes, verdicts that stay out, a language that appears."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift import Feeding, decide_drift
from monitor.drift.kinds import budget_shares
from monitor.drift.novelty import FIRST, MOST, learnt, with_news
from monitor.model.values import Finding
from tests.drift.traffic import at, flags, turns

SETTINGS = DriftSettings(timezone="none")


def found(rows: pl.DataFrame, lasting: tuple[str, ...] = (), batch: int = 200) -> tuple[dict[str, str], list[Finding]]:
    states: dict[str, str] = {}
    findings: list[Finding] = []
    for start in range(0, rows.height, batch):
        part = rows[start : start + batch]
        newest = aware_utc(part["time"].max())  # type: ignore[arg-type]
        outcome = decide_drift(states, part, SETTINGS, newest, feeding=Feeding(lasting=lasting))
        states.update(outcome.states)
        findings += outcome.findings
    return states, findings


def streams(states: dict[str, str]) -> set[tuple[str, str]]:
    return {(metric, app) for metric, app, _ in (json.loads(key) for key in states if key != "memory")}


@pytest.mark.parametrize("batch", [50, 100_000])
def test_a_measure_that_vanishes_is_found_within_200_turns(batch: int) -> None:
    tokens = [50.0] * 900 + [None] * 200
    _, findings = found(turns({"output_tokens": tokens}), ("output_tokens", "cost_usd"), batch)
    [finding] = findings
    assert (finding.metric, finding.current_value) == ("missing:output_tokens", 1.0)
    assert finding.since_low <= at(900) <= finding.since_high
    if batch == 50:
        assert finding.detected_at <= at(1100)


def test_a_measure_that_an_app_never_had_is_no_stream() -> None:
    rows = turns({"output_tokens": flags(1, (600, 0.5)), "cost_usd": [None] * 600})
    states, _ = found(rows.cast({"cost_usd": pl.Float64}), ("output_tokens", "cost_usd"))
    assert streams(states) == {("output_tokens", "support"), ("missing:output_tokens", "support")}


def test_a_measure_is_only_missed_where_the_batch_was_to_have_it() -> None:
    states, _ = found(turns({"score:stars": flags(2, (300, 0.5))}), ("output_tokens",))
    assert streams(states) == {("score:stars", "support")}


def test_rules_that_cannot_judge_ten_points_more_are_found_within_200_such_turns() -> None:
    values = flags(3, (2500, 0.02), (1600, 0.12))
    _, findings = found(turns({"undecided:tone": values}), batch=40)
    assert findings[0].metric == "undecided:tone"
    when = (findings[0].detected_at - at(2500)) / (at(1) - at(0))
    assert values[2500 : 2500 + int(when)].sum() <= 200


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_new_language_is_found_within_200_turns_in_it(share: float) -> None:
    rng = np.random.default_rng(4)
    spoken = np.where(rng.random(4000) < 0.2, "de", "en")
    new = (rng.random(4000) < share) & (np.arange(4000) >= 2000)
    rows = turns({"kind:output_language": np.where(new, "fr", spoken).tolist()})
    _, findings = found(rows, batch=20)
    [finding] = findings
    assert finding.metric == "new:output_language"
    when = (finding.detected_at - at(2000)) / (at(1) - at(0))
    assert new[2000 : 2000 + int(when)].sum() <= 200


def test_kinds_are_learnt_per_app_and_too_many_are_no_vocabulary() -> None:
    one = turns({"kind:model": ["a"] * FIRST}, app="one")
    many = turns({"kind:model": [f"m{i}" for i in range(FIRST)]}, app="many")
    known = learnt({}, pl.concat([one, many]))
    later = pl.concat([turns({"kind:model": ["a", "b", None]}, app=app) for app in ("one", "many", "other")])
    news = with_news(later, known)["new:model"].to_list()
    assert news == [0.0, 1.0, None, *[None] * 6]
    assert max(map(len, known.values())) <= MOST + 1
    assert learnt(known, later)["kind:model\x1fone"] == {"a": FIRST}


def test_silent_streams_are_for_whole_apps() -> None:
    rows = turns({"cut_off": flags(5, (300, 0.1)), "error": flags(6, (300, 0.1)), "prompt_name": ["faq"] * 300})
    states, _ = found(rows)
    segments = {(json.loads(key)[0], json.loads(key)[2]) for key in states if key != "memory"}
    assert segments == {("cut_off", "all"), ("error", "all"), ("error", "prompt_name=faq")}


def test_what_people_act_on_first_holds_four_fifths_of_the_budget() -> None:
    metrics = ["error", "rule:a", "duration_ms", "output_chars", "steps", "missing:cost_usd"]
    core, rest = budget_shares(metrics)
    assert 4 * core == pytest.approx(0.8)
    assert 4 * core + 2 * rest == pytest.approx(1.0)
    assert budget_shares(["score:a", "score:b"]) == (0.0, 0.5)
    assert budget_shares(["error"] * 4)[0] == 0.25


def test_steps_of_a_turn_are_numbers_though_all_were_one() -> None:
    _, findings = found(turns({"steps": [1.0] * 600 + [3.0] * 100}))
    [finding] = findings
    assert (finding.metric, finding.reference_value, finding.current_value) == ("steps", 1.0, 3.0)


def test_few_of_something_are_told_by_their_mean() -> None:
    """The median of both is 1: "from 1 to 1" would say nothing."""
    calls = np.concatenate([np.full(600, 1.0), np.where(flags(9, (500, 0.4)) > 0, 3.0, 1.0)])
    _, findings = found(turns({"tool_calls": calls}))
    [finding] = findings
    assert (finding.reference_value, round(finding.current_value, 1)) == (1.0, 1.7)
    assert finding.change_low < finding.change < finding.change_high
    assert finding.reason.startswith("Mean tool calls of a turn in support went from 1 to 1.")
