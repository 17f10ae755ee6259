"""Calls of a judge are spread over applications within its budget, where they tell most; probabilities stay known and rates right."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import naive_utc
from monitor.config.schema import CanarySettings, JudgeBudget, JudgeSettings
from monitor.judge_draws import Stratum
from monitor.judges.allocation import StratumCounts, allocated, calls_for
from monitor.steps import afforded, aligned
from monitor.store.pace import turns_a_day
from monitor.store.reads import Reader
from plumbline.answers import house_of
from tests.judges.support import PLAIN, a_house, later, rows, standing
from tests.judges.test_judged_streams import more

CLEAN_SHOP = Stratum("shop", "", "clean")

strata = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(StratumCounts, st.integers(0, 10**6), st.integers(0, 50), st.integers(50, 100)),
    min_size=1,
)


@given(st.floats(0, 10**6), strata)
def test_no_more_calls_than_there_are_and_none_wasted(calls: float, given_: dict[str, StratumCounts]) -> None:
    rates = allocated(calls, given_)
    spent = sum(rates[name] * one.answers for name, one in given_.items() if one.answers)
    assert all(0 <= rate <= 1 for rate in rates.values())
    assert calls < 1 or all(rates[name] > 0 for name, one in given_.items() if one.answers), "none is never asked about"
    assert spent <= calls * (1 + 1e-9)
    assert spent >= 0.84 * min(calls, sum(one.answers for one in given_.values())) * (1 - 1e-9)


def test_where_verdicts_vary_more_more_is_asked() -> None:
    rates = allocated(500, {"sure": StratumCounts(1_000, 0, 200), "torn": StratumCounts(1_000, 100, 200)})
    assert rates["torn"] > 4 * rates["sure"] > 0


def test_judges_share_their_budget_among_their_rules() -> None:
    small = JudgeSettings(budget=JudgeBudget(calls_per_day=1_000, rules={"R-2": 100}))
    other = JudgeSettings(budget=JudgeBudget(calls_per_day=200), canary=CanarySettings(notice_within="never"))
    asked = {"R-1": {"small"}, "R-2": {"small"}, "R-3": {"other"}, "R-4": {"small", "other"}}
    calls = calls_for(asked, {"small": small, "other": other})
    assert calls == {"R-1": pytest.approx(800 / 3), "R-2": 80, "R-3": 100, "R-4": 100}


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
        moments = [today + timedelta(minutes=n) for n in range(8)] + [today + timedelta(days=1)]
        house = house_of(agent)
        rates = [afforded(house, moment) for moment in moments]
        assert counted == [aligned(moment, timedelta(days=1)) for moment in moments[-2:]]
        assert rates[0]["PAD-01"].of(CLEAN_SHOP) < 1, "by the 64 of the day before"
        assert not rates[-1], "by none"
        afforded(house_of(agent), moments[0])
        assert len(counted) == 3, "the next pass counts again"
