"""The drift decision on known changes: found once, with the right start, size, segment, cause and examples; else silent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import BaselineSettings, BudgetSettings, DriftSettings
from monitor.drift.finding_sentences import HOW
from monitor.stats.edetector import Advance, Band, Evidence, Onset
from monitor.stats.ranks import Floats
from tests.drift.traffic import START, STEP, Watch, at, flags, turns

NO_CALENDAR = DriftSettings(timezone="none")
"""For changes on the first weekend of a stream, where no evidence would accrue."""


@pytest.mark.parametrize("batch", [7, 100, 100_000])
@pytest.mark.parametrize(("before", "after"), [(0.05, 0.35), (0.7, 0.3)])
def test_a_change_of_a_rate_is_found_once_with_its_start_and_size(batch: int, before: float, after: float) -> None:
    watch = Watch()
    watch.feed(turns({"rule:refusal": flags(1, (1200, before), (400, after))}), batch)
    [found] = watch.findings
    assert found.since_low - 10 * STEP <= at(1200) <= found.since_high + 10 * STEP
    assert abs(found.since - at(1200)) < 25 * STEP
    assert found.reference_value == pytest.approx(before, abs=0.05)
    assert found.change == pytest.approx(found.current_value - found.reference_value)
    assert found.change_low < found.change < found.change_high
    assert found.change_low - 0.1 <= after - before <= found.change_high + 0.1
    assert (found.metric, found.app, found.segment, found.kind) == ("rule:refusal", "support", "all", "drift")


@pytest.mark.parametrize("batch", [50, 100_000])
def test_the_same_traffic_decides_the_same_however_it_is_cut(batch: int) -> None:
    rows = turns({"output_chars": np.random.default_rng(2).lognormal(5, 1, 1500) * ([1] * 1100 + [2.5] * 400)})
    whole, cut = Watch(), Watch()
    whole.feed(rows)
    cut.feed(rows, batch)
    [a], [b] = whole.findings, cut.findings
    assert max(a.since_low, b.since_low) <= min(a.since, b.since)
    assert max(a.since, b.since) <= min(a.since_high, b.since_high)
    assert a.reference_value == b.reference_value


def test_numbers_are_told_in_their_own_unit() -> None:
    watch = Watch()
    rng = np.random.default_rng(3)
    watch.feed(turns({"duration_ms": np.concatenate((rng.normal(800, 100, 900), rng.normal(1400, 100, 200)))}))
    [found] = watch.findings
    assert found.reference_value == pytest.approx(800, abs=20)
    assert found.current_value == pytest.approx(1400, abs=40)
    assert found.change_low <= 600 <= found.change_high
    assert "Median time to answer in support went from" in found.reason


STATISTICS = re.compile(r"e-value|newcombe|mover|welch|interval|=|[<>]", re.IGNORECASE)


def test_what_changed_is_a_sentence_and_statistics_stand_behind_it() -> None:
    watch = Watch(DriftSettings(segments=("prompt_name",)))
    rows = turns({"rule:refusal": flags(6, (1200, 0.02), (300, 0.6)), "prompt_name": ["acc\nount"] * 1500})
    watch.feed(rows, 100)
    [found] = watch.findings
    sentence, _, evidence = found.reason.partition(HOW)
    assert sentence.startswith("Violation rate of refusal in support went from ")
    assert sentence.endswith("; also seen in prompt acc ount")
    assert not STATISTICS.search(sentence)
    assert STATISTICS.search(evidence)


def test_a_change_of_spread_is_found_though_the_median_stays() -> None:
    watch = Watch()
    rng = np.random.default_rng(4)
    watch.feed(turns({"output_chars": np.concatenate((rng.normal(500, 50, 1000), rng.normal(500, 150, 600)))}))
    [found] = watch.findings
    assert abs(found.change) < 25
    assert any(name in found.reason for name in ("spread", "top tenth", "bottom tenth"))


@pytest.mark.parametrize("seed", range(8))
def test_quiet_traffic_raises_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {
        "output_chars": rng.lognormal(5, 1, 4000),
        "duration_ms": rng.gamma(2, 300, 4000),
        "error": flags(seed, (4000, 0.02)),
        "rule:refusal": flags(seed + 100, (4000, 0.3)),
        "rule:secret": np.zeros(4000),
        "score:stars": rng.integers(1, 6, 4000).astype(float),
        "cost_usd": np.full(4000, 0.002),
    }
    watch = Watch()
    watch.feed(turns({**columns, "environment": rng.choice(["prod", "test"], 4000)}), 500)
    assert watch.findings == []


def test_history_in_one_import_does_not_swallow_the_change_into_the_reference() -> None:
    """A reference of 2,000 in one piece would hold 700 old and 1,300 new outputs and never see the change."""
    watch = Watch()
    watch.feed(turns({"rule:refusal": flags(5, (700, 0.05), (1300, 0.4))}))
    [found] = watch.findings
    assert found.since_low <= at(700) <= found.since_high


def test_a_change_that_goes_back_closes_its_finding_and_is_no_second_one() -> None:
    watch = Watch(NO_CALENDAR)
    watch.feed(turns({"rule:refusal": flags(6, (1000, 0.05), (800, 0.4), (800, 0.05))}), 200)
    [there] = watch.findings
    assert there.change > 0.2
    assert watch.returned == [there.id]
    watch.feed(turns({"rule:refusal": flags(7, (400, 0.4))}, start=2600), 50)
    assert len(watch.findings) == 2
    assert watch.findings[1].reference_value == pytest.approx(0.05, abs=0.03)


def test_too_little_reference_is_said_and_is_not_no_drift() -> None:
    watch = Watch()
    outcome = watch.feed(turns({"error": flags(7, (100, 0.0), (149, 1.0))}))
    assert outcome.findings == []
    assert watch.learning() == {'["error","support","all"]': 249}
    watch.feed(turns({"error": [0.0]}, start=249))
    assert watch.learning() == {}


def test_what_is_below_the_floor_is_no_news() -> None:
    settings = DriftSettings(rate_floor=0.1)
    quiet, loud = Watch(settings), Watch()
    rows = turns({"rule:tone": flags(8, (3000, 0.2), (6000, 0.28))})
    quiet.feed(rows, 500)
    loud.feed(rows, 500)
    assert quiet.findings == []
    assert len(loud.findings) == 1


def test_the_budget_is_named_and_a_tighter_one_waits_for_more_evidence() -> None:
    rows = turns({"error": flags(9, (600, 0.05), (600, 0.3))})
    e_values = []
    for budget in (BudgetSettings(alarms=10, per="30d"), BudgetSettings(alarms=1, per="365d")):
        watch = Watch(DriftSettings(budget=budget))
        watch.feed(rows)
        [found] = watch.findings
        e_values.append(found.e_value)
    assert e_values[1] > 50 * e_values[0]
    assert found.budget == "1 false alarm per 365d over 1 streams"


def test_the_model_that_changed_is_the_cause() -> None:
    watch = Watch()
    models = ["a-1"] * 800 + ["b-2"] * 300
    watch.feed(turns({"rule:refusal": flags(10, (800, 0.02), (300, 0.4)), "model": models}), 60)
    [found] = watch.findings
    assert found.cause == f"model changed from a-1 to b-2 on {at(800):%Y-%m-%d}"


def test_a_canary_is_named_with_its_share() -> None:
    watch = Watch()
    rng = np.random.default_rng(11)
    new = np.concatenate((np.zeros(1000, bool), rng.random(800) < 0.4))
    refusals = np.where(new, rng.random(1800) < 0.9, rng.random(1800) < 0.05).astype(float)
    watch.feed(turns({"rule:refusal": refusals, "model": np.where(new, "new", "old").tolist()}), 100)
    [found] = watch.findings
    assert found.cause.startswith("model new went from 0 % to ")


def test_a_model_change_long_before_is_not_the_cause() -> None:
    watch = Watch()
    models = ["a"] * 1000 + ["b"] * 2500
    watch.feed(turns({"error": flags(12, (3000, 0.02), (500, 0.3)), "model": models}), 100)
    [found] = watch.findings
    assert found.cause == "no recorded change coincides"


def test_a_shift_of_traffic_between_segments_is_one_finding_on_the_whole() -> None:
    rng = np.random.default_rng(13)
    names = np.concatenate(
        (rng.choice(["faq", "legal"], 2000, p=[0.9, 0.1]), rng.choice(["faq", "legal"], 1000, p=[0.3, 0.7]))
    )
    refusals = (rng.random(3000) < np.where(names == "legal", 0.6, 0.05)).astype(float)
    watch = Watch()
    watch.feed(turns({"rule:refusal": refusals, "prompt_name": names.tolist()}), 250)
    [found] = watch.findings
    assert found.segment == "all"


@pytest.mark.parametrize("seed", range(4))
def test_of_a_mix_no_segment_is_said_to_carry_it(seed: int) -> None:
    """Behaviour is noise then, of which some segment always has the most."""
    rng = np.random.default_rng([31, seed])
    names = np.where(rng.random(3000) < np.where(np.arange(3000) < 2000, 0.25, 0.75), "legal", "main")
    chars = np.round(rng.normal(np.where(names == "legal", 60, 25), 6)) * 5
    watch = Watch(NO_CALENDAR)
    watch.feed(turns({"output_chars": chars, "prompt_name": names.tolist()}), 110)
    assert [found.segment for found in watch.findings] == ["all"]


@pytest.mark.parametrize("batch", [60, 100_000])
def test_the_segment_that_carries_a_change_is_named_and_paged_once(batch: int) -> None:
    rng = np.random.default_rng(14)
    names = rng.choice(["faq", "billing", "legal"], 3000, p=[0.5, 0.3, 0.2])
    changed = (names == "legal") & (np.arange(3000) >= 1800)
    refusals = (rng.random(3000) < np.where(changed, 0.7, 0.05)).astype(float)
    watch = Watch(NO_CALENDAR)
    watch.feed(turns({"rule:refusal": refusals, "prompt_name": names.tolist()}), batch)
    [found] = watch.findings
    assert found.segment == "prompt_name=legal"
    assert found.current_value == pytest.approx(0.7, abs=0.25)
    assert found.since_low <= at(1800) + 10 * STEP
    assert abs(found.since - at(1800)) < 60 * STEP


def test_a_change_everywhere_is_one_finding_on_the_whole() -> None:
    rng = np.random.default_rng(15)
    names = rng.choice(["faq", "billing", "legal"], 3600)
    watch = Watch()
    values = {"rule:refusal": flags(15, (2400, 0.05), (1200, 0.5)), "prompt_name": names.tolist()}
    watch.feed(turns({**values, "environment": ["prod"] * 3600}), 15)
    [found] = watch.findings
    assert found.segment == "all"


def test_examples_show_the_change() -> None:
    watch = Watch()
    values = flags(16, (900, 0.02), (100, 0.6))
    watch.feed(turns({"rule:refusal": values}))
    [found] = watch.findings
    assert len(found.examples) == 3
    positions = [int(unit[1:]) for unit in found.examples]
    assert all(values[p] == 1.0 and at(p) >= found.since for p in positions)


def test_metrics_apps_and_segments_may_appear_at_any_time() -> None:
    watch = Watch()
    watch.feed(turns({"error": flags(17, (500, 0.1))}))
    watch.feed(turns({"error": flags(18, (500, 0.1)), "score:stars": np.ones(500) * 4}, start=500), 100)
    watch.feed(turns({"error": flags(19, (500, 0.1)), "environment": ["prod"] * 500}, start=1000, app="other"), 100)
    keys = {tuple(json.loads(key)) for key in watch.states if key != "memory"}
    assert keys == {
        ("error", "support", "all"),
        ("score:stars", "support", "all"),
        ("error", "other", "all"),
        ("error", "other", "environment=prod"),
    }
    assert watch.findings == []


def test_a_batch_without_a_metric_leaves_its_state_alone() -> None:
    watch = Watch()
    watch.feed(turns({"error": flags(20, (300, 0.1)), "cost_usd": np.ones(300)}))
    outcome = watch.feed(turns({"error": flags(21, (50, 0.1)), "cost_usd": [None] * 50}, start=300))
    assert set(outcome.states) == {'["error","support","all"]', "memory"}


def test_unknown_values_are_no_zeros() -> None:
    watch = Watch()
    known = flags(22, (1000, 0.9))
    values = [v if i < 600 else None for i, v in enumerate(known)]
    values[10], values[20] = float("nan"), float("inf")
    watch.feed(turns({"rule:x": values}))
    assert watch.findings == []
    state = json.loads(watch.states['["rule:x","support","all"]'])
    assert state["n"] == 598


def test_ignored_metrics_are_not_watched() -> None:
    watch = Watch(DriftSettings(ignore=("error",)))
    assert watch.feed(turns({"error": flags(23, (300, 0.1))})).states == {}


def test_a_chatty_user_is_one_witness_an_hour() -> None:
    quiet, one_user = Watch(), Watch()
    before = turns({"error": flags(24, (500, 0.05)), "user_id": [f"p{i}" for i in range(500)]})
    storm = turns({"error": np.ones(200), "user_id": ["angry"] * 200}, start=500)
    storm = storm.with_columns(time=pl.lit(START) + 500 * STEP + pl.int_range(200) * pl.duration(seconds=10))
    one_user.feed(before)
    one_user.feed(storm)
    assert one_user.findings == []
    quiet.feed(before)
    quiet.feed(storm.with_columns(user_id=pl.format("p{}", pl.int_range(200))))
    assert len(quiet.findings) == 1


def test_a_broken_state_starts_its_stream_anew_and_spares_the_others() -> None:
    watch = Watch()
    watch.feed(turns({"error": flags(25, (300, 0.1)), "cost_usd": np.ones(300)}))
    watch.states['["error","support","all"]'] = '{"version": "x'
    watch.states["what is this"] = "{}"
    watch.feed(turns({"error": flags(26, (10, 0.1)), "cost_usd": np.ones(10)}, start=300))
    assert watch.learning() == {'["error","support","all"]': 10}


def test_a_rate_that_turns_into_a_number_starts_anew() -> None:
    watch = Watch()
    watch.feed(turns({"score:good": flags(27, (400, 0.5))}))
    watch.feed(turns({"score:good": np.random.default_rng(1).integers(1, 6, 400).astype(float)}, start=400))
    state = json.loads(watch.states['["score:good","support","all"]'])
    assert state["reference"]["kind"] == "numeric"
    assert watch.findings == []


def test_the_cap_keeps_the_largest_streams() -> None:
    apps = [turns({"error": flags(i, (300 + i, 0.1))}, app=f"app{i}") for i in range(6)]
    watch = Watch(DriftSettings(max_streams=4))
    outcome = watch.feed(pl.concat(apps))
    watched = {json.loads(key)[1] for key in outcome.states if key != "memory"}
    assert watched == {"app5", "app4", "app3", "app2"}


def test_names_out_of_traces_cannot_flood_the_streams_or_the_memory() -> None:
    watch = Watch()
    n = 3000
    names = [f"prompt-{i}" if i % 2 else "faq" for i in range(n)]
    watch.feed(turns({"error": flags(28, (n, 0.1)), "prompt_name": names, "model": [f"m{i}" for i in range(n)]}), 100)
    keys = [json.loads(key)[2] for key in watch.states if key != "memory"]
    assert sorted(keys) == ["all", "prompt_name=faq"]
    assert max(map(len, watch.states.values())) < 12_000


@pytest.mark.parametrize("seed", range(3))
def test_a_state_stays_small(seed: int) -> None:
    rng = np.random.default_rng(seed)
    watch = Watch()
    n = 9000
    columns: dict[str, Any] = {"output_chars": rng.lognormal(8, 2, n), "error": flags(seed, (n, 0.1))}
    causes: dict[str, Any] = {
        "model": rng.choice(["claude-sonnet-4-20250514", "gpt-4o-2024-11-20"], n),
        "release": ["2026.01.12-a1b2c3d"] * n,
    }
    sizes = []
    for start in range(0, n, 100):
        watch.feed(turns({k: v[start : start + 100] for k, v in {**columns, **causes}.items()}, start))
        sizes.append(max(map(len, watch.states.values())))
    assert max(sizes) <= 8 * 1024


def test_the_same_batch_decides_the_same_twice() -> None:
    rows = turns({"error": flags(29, (600, 0.05), (300, 0.4)), "output_chars": np.arange(900.0) % 97})
    a, b = Watch(), Watch()
    assert a.feed(rows) == b.feed(rows.sample(fraction=1, shuffle=True, seed=3))


def test_an_empty_batch_and_turns_without_app_decide_nothing() -> None:
    watch = Watch()
    rows = turns({"error": [1.0, 0.0]})
    assert watch.feed(rows).states != {}
    assert Watch().feed(rows.with_columns(app=pl.lit(None, pl.String))).states == {}


def test_a_small_reference_can_be_asked_for() -> None:
    watch = Watch(DriftSettings(baseline=BaselineSettings(first=50, outputs=50)))
    watch.feed(turns({"error": flags(30, (50, 0.0), (60, 0.9))}))
    assert len(watch.findings) == 1


def test_the_id_of_a_finding_is_that_of_its_change() -> None:
    rows = turns({"error": flags(31, (600, 0.05), (300, 0.5))})
    a, b = Watch(), Watch()
    a.feed(rows)
    b.feed(rows)
    assert a.findings[0].id == b.findings[0].id
    c = Watch()
    c.feed(rows.with_columns(app=pl.lit("other")))
    assert c.findings[0].id != a.findings[0].id


@dataclass(frozen=True)
class Cusum:
    """Page's CUSUM on the first function: another detector behind the same three questions. It promises nothing."""

    slack: float = 0.1
    limit: float = 8.0

    def start(self, functions: int) -> Evidence:
        return [[0.0]] * functions

    def advance(self, evidence: Evidence, values: Floats, band: Band, threshold: float) -> Advance:
        height = evidence[0][0]
        for used, value in enumerate(values[:, 0], 1):
            height = max(0.0, height + value - band.high[0] - self.slack)
            if height >= self.limit:
                return Advance([[height]] * values.shape[1], used, True, threshold)
        return Advance([[height]] * values.shape[1], len(values), False, 0.0)

    def onset(self, values: Floats, band: Band, log_prior: Floats) -> Onset:
        heights = log_prior + np.cumsum((values[:, 0] - band.high[0] - self.slack)[::-1])[::-1]
        best = int(heights.argmax())
        return Onset(best, best, best, 0, 1)


def test_another_detector_takes_the_place_of_the_e_detector() -> None:
    watch = Watch(detector=Cusum())
    watch.feed(turns({"error": flags(32, (800, 0.05), (200, 0.8))}), 100)
    [found] = watch.findings
    assert abs(found.since - at(800)) < 10 * STEP
    assert found.current_value == pytest.approx(0.8, abs=0.1)


def holiday(seed: int, heavy_length: float) -> pl.DataFrame:
    """Two weeks in which one user sends 60 % of the turns, then three days in which that user is away."""
    rng = np.random.default_rng(seed)
    n = 4000
    hour = np.sort(rng.integers(0, 17 * 24, n))
    heavy = rng.random(n) < 0.6
    away = hour >= 14 * 24
    chars = np.where(heavy, rng.normal(heavy_length, 20, n), rng.normal(100, 20, n))
    users = np.where(heavy, "batch-job", [f"u{i}" for i in range(n)])
    rows = turns({"output_chars": chars, "user_id": users.tolist()})
    minutes = rng.integers(0, 60, n)
    stamps = [START + timedelta(hours=int(h), minutes=int(m)) for h, m in zip(hour, minutes, strict=True)]
    return rows.with_columns(time=pl.Series(stamps, dtype=pl.Datetime("us"))).filter(pl.Series(~(heavy & away)))


@pytest.mark.parametrize("batch", [100, 100_000])
def test_a_heavy_user_who_goes_away_is_named(batch: int) -> None:
    watch = Watch(NO_CALENDAR)
    watch.feed(holiday(33, 300).sort("time"), batch)
    assert watch.findings
    assert watch.findings[0].cause.startswith("one heavy user, user_id=batch-job, went from ")
    assert "little of the change is left" in watch.findings[0].cause


def test_a_heavy_user_is_not_the_cause_of_what_happens_to_everybody() -> None:
    watch = Watch(NO_CALENDAR)
    rows = holiday(34, 100).sort("time").with_row_index("n")
    since = pl.col("time") >= START + timedelta(days=14)
    watch.feed(rows.with_columns(output_chars=pl.col("output_chars") + since.cast(pl.Float64) * 150).drop("n"), 200)
    assert watch.findings
    assert "heavy user" not in watch.findings[0].cause


def test_two_causes_at_once_are_both_named_and_cannot_be_told_apart() -> None:
    watch = Watch()
    swap = {"model": ["a"] * 800 + ["b"] * 300, "prompt_version": ["3"] * 800 + ["4"] * 300}
    watch.feed(turns({"rule:refusal": flags(35, (800, 0.02), (300, 0.4)), **swap}), 60)
    [found] = watch.findings
    day = f"{at(800):%Y-%m-%d}"
    assert found.cause == (
        f"model changed from a to b on {day}; prompt_version changed from 3 to 4 on {day} (at once: cannot be told apart)"
    )
