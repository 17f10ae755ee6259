"""The last four weeks of a rule that a judge decides: labels of many days correct it together, where a day has too few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from dashboards.four_weeks import in_words
from monitor.clock import FakeClock, naive_utc
from monitor.config.schema import Settings
from monitor.model.values import Estimate
from monitor.rolling import FourWeeks
from monitor.store import verdicts
from monitor.store.opening import Store
from plumbline.agent import Agent
from plumbline.api.call import Actor
from plumbline.demo.stubs.judge import JudgeStub, a_judge
from plumbline.judging import rates_of
from tests.acceptance.traffic import spooled
from tests.judges.support import PADDED, PLAIN, RULE, a_house, judge, judge_waiting, later, rows, turns

DAYS, A_DAY, LABELS = 9, 8, 3


@pytest.fixture
def stub() -> Iterator[JudgeStub]:
    with a_judge() as found:
        yield found


def label_some(agent: Agent) -> None:
    """People judge the first answers of each day, drawn by lot; half of them, in truth, violate."""
    [policy] = [one for one in agent.policies if one.id == "padding"]
    about = {
        "policy": policy.id,
        "policy_version": policy.version,
        "policy_hash": policy.hash,
        "rule_id": RULE,
        "plan": "review",
    }
    said = {
        "person": "ana",
        "adjudicated": False,
        "at": naive_utc(agent.clock.now()),
        "inclusion_probability": LABELS / A_DAY,
    }
    known = rows(
        agent,
        "SELECT trace_id AS unit_id, time, output_text FROM turns QUALIFY row_number() OVER (PARTITION BY time::DATE ORDER BY time) <= 3",
    )
    told = [
        {
            **about,
            **said,
            "unit_id": row["unit_id"],
            "time": row["time"],
            "verdict": "violates" if "remark" in row["output_text"] else "complies",
        }
        for row in known
    ]
    assert len(told) == (DAYS + 1) * LABELS, "those of before are labelled, too"
    with agent.store.transaction() as txn:
        verdicts.add_labels(txn, told)


def test_a_day_has_too_few_labels_and_four_weeks_have_enough(stub: JudgeStub, tmp_path: Path) -> None:
    stub.mode = "lenient"  # it finds nothing bad
    with a_house(tmp_path, {"small": judge(stub)}, []) as agent:
        for day in range(DAYS):
            at = agent.clock.now() - timedelta(days=day)
            spooled(agent.places.spool, turns([PADDED, PLAIN] * (A_DAY // 2), at, f"d{day}-"))
        spooled(agent.places.spool, turns([PADDED] * 5, agent.clock.now() - timedelta(days=30), "old"))
        agent.settle()
        agent.cycle()
        judge_waiting(agent)
        label_some(agent)
        agent.cycle()
        daily = rows(
            agent,
            f"SELECT value, method FROM estimates WHERE rule_id = '{RULE}' AND segment = 'all' AND n_units = {A_DAY}",
        )
        assert {row["value"] for row in daily} == {0.0}
        assert all("not yet checked by people (3 labels" in row["method"] for row in daily)
        [rate] = rates_of(agent, Actor("ana"))
        assert (rate["app"], rate["n_units"], rate["n_human"]) == ("shop", DAYS * A_DAY, DAYS * LABELS), (
            "older ones are out"
        )
        assert "corrected by 27 human labels" in rate["method"]
        assert rate["low"] < 0.5 < rate["high"]
        assert rate["value"] > 0.3
        assert rates_of(agent, Actor("ben", apps=frozenset({"other"}))) == []
        assert "27 of them judged by people" in in_words(rate)


def test_the_rates_are_reckoned_once_a_minute(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED, PLAIN]) as agent:
        [none_yet] = rates_of(agent, Actor("ana"))
        judge_waiting(agent)
        later(agent, 59)
        assert rates_of(agent, Actor("ana")) == [none_yet]
        later(agent, 1)
        assert [rate["n_graded"] for rate in rates_of(agent, Actor("ana"))] == [2]


def test_a_house_without_judges_has_no_such_rates(tmp_path: Path) -> None:
    with a_house(tmp_path, {}, [PLAIN]) as agent:
        assert rates_of(agent, Actor("ana")) == []


def test_what_takes_long_to_read_is_kept_as_long_as_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, reads = FakeClock(datetime(2026, 3, 2, tzinfo=UTC)), list[datetime]()

    def slow(_reader: object, _policies: object, _settings: object, now: datetime, _errors: object) -> list[Estimate]:
        reads.append(now)
        clock.advance(timedelta(seconds=90))
        return []

    monkeypatch.setattr("monitor.rolling.rolling_rates", slow)
    rates = FourWeeks(cast("Store", None), clock, Settings())
    for seconds in (0, 30, 29, 2):
        clock.advance(timedelta(seconds=seconds))
        assert rates.now([], None) == []
    assert len(reads) == 2, "once, and once more a minute after it was done"
