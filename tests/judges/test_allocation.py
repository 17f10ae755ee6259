"""Calls of a judge are spread over applications within its budget, where they tell most; probabilities stay known and rates right."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import naive_utc
from monitor.config.schema import CanarySettings, JudgeBudget, JudgeSettings, SamplingSettings
from monitor.judges.allocation import Stratum, allocated, calls_for
from monitor.planning import plans_of
from monitor.steps import aligned, plans_for
from monitor.store.pace import turns_a_day
from monitor.store.reads import Reader, Window
from monitor.weighing import weighted
from plumbline.answers import house_of
from tests.judges.support import PLAIN, a_house, later, rows, standing
from tests.judges.test_judged_streams import more

strata = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Stratum, st.integers(0, 10**6), st.integers(0, 50), st.integers(50, 100)),
    min_size=1,
)


@given(st.floats(0, 10**6), strata)
def test_no_more_calls_than_there_are_and_none_wasted(calls: float, given_: dict[str, Stratum]) -> None:
    rates = allocated(calls, given_)
    spent = sum(rates[name] * one.answers for name, one in given_.items() if one.answers)
    assert all(0 <= rate <= 1 for rate in rates.values())
    assert spent <= calls * (1 + 1e-9)
    assert spent >= 0.84 * min(calls, sum(one.answers for one in given_.values())) * (1 - 1e-9)


def test_where_verdicts_vary_more_more_is_asked() -> None:
    rates = allocated(500, {"sure": Stratum(1_000, 0, 200), "torn": Stratum(1_000, 100, 200)})
    assert rates["torn"] > 4 * rates["sure"] > 0


def test_judges_share_their_budget_among_their_rules() -> None:
    small = JudgeSettings(budget=JudgeBudget(calls_per_day=1_000, rules={"R-2": 100}))
    other = JudgeSettings(budget=JudgeBudget(calls_per_day=200), canary=CanarySettings(notice_within="never"))
    asked = {"R-1": {"small"}, "R-2": {"small"}, "R-3": {"other"}, "R-4": {"small", "other"}}
    calls = calls_for(asked, {"small": small, "other": other})
    assert calls == {"R-1": pytest.approx(800 / 3), "R-2": 80, "R-3": 100, "R-4": 100}


def test_rates_that_follow_a_budget_stay_right() -> None:
    """Of two apps asked at different rates the share of violations is estimated without bias, since each probability is known."""
    judged = {"a/R-1": 0.5, "b/R-1": 0.0625}
    [plan] = plans_of(SamplingSettings(), {}, {}, (), judged)
    assert plan.rates_of("R-1").of("a") == 0.5
    assert plan.rates_of("R-2").of("b") == plan.rates_of("R-1").of("c") == 1.0
    n = 20_000
    turns = pl.DataFrame(
        {"unit_id": [f"u{i}" for i in range(n)], "seq": range(n), "app": ["a", "b"] * (n // 2)}
    ).with_columns(
        time=pl.lit(datetime(2026, 1, 1)),  # noqa: DTZ001 naive UTC
        rule_id=pl.lit("R-1"),
        plans=pl.lit([plan.name]),
        inclusion_probability=pl.lit(1.0),
    )
    known = weighted(turns, [(0, plan)])
    asked = known.filter(pl.col("inclusion_probability").is_not_null())
    assert set(asked["inclusion_probability"]) == {0.5, 0.0625}
    assert asked.height == pytest.approx(n / 2 * 0.5625, rel=0.05)
    assert (1 / asked["inclusion_probability"]).sum() == pytest.approx(n, rel=0.05)


def test_a_house_asks_no_more_than_its_judge_may_answer(tmp_path: Path) -> None:
    budget = JudgeBudget(calls_per_day=20)
    judges = {"small": JudgeSettings(url="http://127.0.0.1:9/v1", model="m", budget=budget)}
    with a_house(tmp_path, judges, [PLAIN] * 64) as agent:
        assert standing(agent) == {"not_graded": 64}, "of the first day nothing is known"
        later(agent, 7200)
        more(agent, [PLAIN] * 64, "b")
        waits = standing(agent)["not_graded"] - 64
        assert 8 <= waits <= 26, "a quarter, for 16 calls and four of known items"
        others = rows(agent, "SELECT count(DISTINCT unit_id) AS n FROM samples WHERE unit_id NOT LIKE 'r%'")
        assert others[0]["n"] == 128, "other rules are asked as before"


def test_a_pass_counts_the_answers_of_a_day_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judges = {"small": JudgeSettings(url="http://127.0.0.1:9/v1", model="m", budget=JudgeBudget(calls_per_day=20))}
    with a_house(tmp_path, judges, [PLAIN] * 64) as agent:
        counted: list[datetime] = []

        def counting(reader: Reader, until: datetime) -> dict[str, int]:
            counted.append(until)
            return turns_a_day(reader, until)

        monkeypatch.setattr("monitor.affording.pace.turns_a_day", counting)
        today = naive_utc(agent.clock.now())
        batches = [Window(n, n + 8, today, today + timedelta(minutes=n)) for n in range(0, 64, 8)]
        batches += [Window(64, 72, today, today + timedelta(days=1))]
        house = house_of(agent)
        rates = [plans_for(house, batch)[0].rates_of("PAD-01").of("shop") for batch in batches]
        assert counted == [aligned(batch.end, timedelta(days=1)) for batch in batches[-2:]]
        assert rates[0] < 1 == rates[-1], "by the 64 of the day before, and by none"
        plans_for(house_of(agent), batches[0])
        assert len(counted) == 3, "the next pass counts again"
