"""The main job in virtual time: records in, cycle and replay over them, and what comes out: real store, real policies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import FakeClock, aware_utc
from monitor.config.schema import SamplingSettings, Settings
from monitor.errors import NotFound, UsageError
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, SWAP, records, spooled

END = START + timedelta(days=14)
STEP = timedelta(days=2)
TURNS = 3_000


def opened(folder: Path) -> Agent:
    return open_agent(Settings(sampling=SamplingSettings(rate=0.8)), folder, FakeClock(END))


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    found = opened(tmp_path)
    yield found
    found.close()


@dataclass(frozen=True)
class Lived:
    """The folder of an agent at rest that has told of a swap of the model, and what it counted on the way."""

    folder: Path
    settled: Mapping[str, int]
    decided: Mapping[str, int]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder = tmp_path_factory.mktemp("lived")
    found = opened(folder)
    spooled(folder / "spool", records(TURNS))
    counted = Lived(folder, found.settle(), found.cycle())
    found.close()
    return counted


@pytest.fixture
def informed(lived: Lived, tmp_path: Path) -> Iterator[Agent]:
    """An agent over a copy of that folder."""
    shutil.copytree(lived.folder, tmp_path, dirs_exist_ok=True)
    found = opened(tmp_path)
    yield found
    found.close()


def quiet(_share: float, _word: str) -> None:
    """Nobody watches."""


def test_the_whole_way_from_records_to_a_firing_alert(lived: Lived, informed: Agent) -> None:
    agent = informed
    assert lived.settled["turns"] == TURNS
    assert 0.75 * TURNS < lived.decided["sample"] < 0.85 * TURNS
    [refusals] = agent.sql("SELECT * FROM findings WHERE metric = 'rule:HELP-01'", 10).table.to_pylist()
    assert refusals["change_low"] < 0.5 < refusals["change_high"] + 0.1
    assert abs(aware_utc(refusals["since"]) - SWAP) < timedelta(hours=12)
    assert "model changed from old to new" in refusals["cause"]
    tone = {row["metric"]: row for row in agent.sql("SELECT * FROM comparisons", 100).table.to_pylist()}
    assert tone["score:helpful"]["decision"] == "better"
    assert tone["score:helpful"]["low"] < 0.25 < tone["score:helpful"]["high"]
    alerts = agent.sql("SELECT rule_id, state FROM alerts", 10).table.to_pylist()
    assert {"rule_id": "drift", "state": "firing"} in alerts
    agent.deliver()
    sent = agent.sql("SELECT state FROM notifications", 10).table.to_pylist()
    assert sent
    assert {row["state"] for row in sent} == {"sent"}
    assert agent.check() == []


def test_a_second_cycle_decides_nothing_new(informed: Agent) -> None:
    agent = informed
    counts = "SELECT (SELECT count(*) FROM grades), (SELECT count(*) FROM samples), (SELECT count(*) FROM findings)"
    before = agent.sql(counts, 1).table
    assert {**agent.cycle(), "alerts": 0} == dict.fromkeys(agent.cycle(), 0)
    assert agent.sql(counts, 1).table == before


def test_every_rate_has_its_interval_and_its_design(informed: Agent) -> None:
    rates = informed.sql("SELECT * FROM estimates WHERE value IS NOT NULL", 1_000).table.to_pylist()
    assert rates
    for rate in rates:
        assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1
        assert rate["low"] < rate["high"]
        assert rate["n_graded"] <= rate["n_units"]
        assert "not corrected by human labels" in rate["method"]
    probabilities = informed.sql("SELECT DISTINCT inclusion_probability FROM samples", 10).table.to_pylist()
    assert probabilities == [{"inclusion_probability": 0.8}]


def test_quiet_traffic_is_quiet(agent: Agent, tmp_path: Path) -> None:
    spooled(tmp_path / "spool", records(TURNS, swap=None))
    agent.settle()
    agent.cycle()
    assert agent.sql("SELECT * FROM findings", 10).table.num_rows == 0


def test_replay_tells_the_same_twice_and_notifies_nobody(agent: Agent, tmp_path: Path) -> None:
    spooled(tmp_path / "spool", records(TURNS // 2))
    told = [agent.replay(START, END, STEP, False, quiet) for _ in range(2)]
    for replayed in told:
        assert "rule:HELP-01" in {finding["metric"] for finding in replayed["findings"]}
    first, second = ([row["id"] for row in replayed["findings"]] for replayed in told)
    assert first == second
    stored = agent.sql("SELECT id, origin FROM findings ORDER BY detected_at, id", 100).table.to_pylist()
    assert sorted(row["id"] for row in stored) == sorted(first)
    assert {row["origin"] for row in stored} == {"replay"}
    assert any(alert["rule_id"] == "drift" for alert in told[0]["alerts"])
    assert agent.sql("SELECT * FROM notifications", 10).table.num_rows == 0
    assert agent.sql("SELECT * FROM alerts", 10).table.num_rows == 0
    grades = agent.sql("SELECT count(*) - count(DISTINCT (unit_id, rule_id)) AS n FROM grades", 1).table.to_pylist()
    assert grades == [{"n": 0}]


def test_what_was_told_live_is_not_told_again_by_a_replay(informed: Agent) -> None:
    live = informed.sql("SELECT id FROM findings WHERE origin = 'live'", 100).table.to_pylist()
    informed.replay(START, END, STEP, False, quiet)
    assert informed.sql("SELECT id FROM findings WHERE origin = 'live'", 100).table.to_pylist() == live
    metrics = [row["metric"] for row in informed.sql("SELECT metric FROM findings", 100).table.to_pylist()]
    assert len(metrics) == len(set(metrics))


def test_days_that_cannot_be_replayed_are_refused(agent: Agent) -> None:
    with pytest.raises(UsageError, match="is not after"):
        agent.replay(END, START, STEP, False, quiet)
    with pytest.raises(UsageError, match="longer than zero"):
        agent.replay(START, END, timedelta(0), False, quiet)


def test_a_replay_that_is_stopped_leaves_no_trace(agent: Agent, tmp_path: Path) -> None:
    spooled(tmp_path / "spool", records(600))

    def stop(share: float, _word: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent.replay(START, END, STEP, False, stop)
    assert agent.sql("SELECT * FROM grades", 10).table.num_rows == 0


def test_why_is_answered_for_traces_findings_and_alerts(informed: Agent) -> None:
    finding = informed.sql("SELECT id FROM findings LIMIT 1", 1).table["id"][0].as_py()
    assert any("likely cause" in line for line in informed.explain(finding))
    graded = (
        informed.sql("SELECT unit_id FROM grades WHERE verdict = 'violates' LIMIT 1", 1).table["unit_id"][0].as_py()
    )
    lines = informed.explain(graded)
    assert any(line.startswith("sampled:") for line in lines)
    assert any("violates" in line for line in lines)
    alert = informed.sql("SELECT fingerprint FROM alerts LIMIT 1", 1).table["fingerprint"][0].as_py()
    assert informed.explain(alert)
    with pytest.raises(NotFound):
        informed.explain("nothing")


def test_erasing_an_app_leaves_nothing_of_it(agent: Agent, tmp_path: Path) -> None:
    spooled(tmp_path / "spool", records(600))
    agent.settle()
    agent.cycle()
    agent.erase("app", "shop")
    for view in ("calls", "turns", "scores", "samples", "grades", "estimates", "findings", "comparisons"):
        assert agent.sql(f"SELECT * FROM {view}", 10).table.num_rows == 0, view
    assert agent.check() == []


@pytest.mark.slow
def test_evidently_draws_the_two_windows_of_a_finding_without_a_word_of_a_trace(informed: Agent) -> None:
    finding = informed.sql("SELECT id FROM findings LIMIT 1", 1).table["id"][0].as_py()
    page = informed.report(finding)
    html = page.read_text(encoding="utf-8")
    assert "<html" in html
    assert "output_chars" in html
    assert "Where is my order" not in html
    assert "parcel" not in html
    drawn = page.stat().st_mtime_ns
    assert informed.report(finding).stat().st_mtime_ns == drawn, "the second time it is there already"
    with pytest.raises(NotFound):
        informed.report("nothing")
