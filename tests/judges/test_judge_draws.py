"""Judges are asked by strata of what local graders say: probabilities are known and stand, rates are right, what weighs nothing leaves out what is asked more often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from monitor.asking import grade_and_draw
from monitor.clock import naive_utc
from monitor.config.schema import JudgeBudget, JudgeSettings
from monitor.explaining import redrawn, ungraded
from monitor.graders.grader import Connected
from monitor.judge_draws import BANDS, OTHER, AskingRates, SecondDraw, Stratum, number_of
from monitor.model.values import WAITS_FOR_JUDGE, Turn
from monitor.policy.load import load_policies
from monitor.recent import known_plans
from monitor.steps import afforded, graded_turns
from monitor.store import reads
from monitor.store.graded import graded_units
from monitor.store.judging import Said, keep
from monitor.store.turn_measures import turn_metrics
from monitor.weighing import weighted
from plumbline.agent import Agent
from plumbline.answers import house_of
from tests.judges.support import NOW, PLAIN, POLICY, RULE, a_house, later, rows
from tests.judges.test_judged_streams import more
from tests.statistics.judged import held
from tests.statistics.strata import BY_APP, BY_BAND, Cheap, days

BANNED = "Kindly note that your kettle left the depot."
BOTH = (
    POLICY
    + """
  - id: TONE-01
    title: Plain words
    kind: must_not
    statement: "Do not say kindly."
    rationale: "Nobody talks like that."
    graders:
      - {use: banned, phrases: [kindly]}
"""
)
FEW_CALLS = {"small": JudgeSettings(url="http://127.0.0.1:9/v1", model="m", budget=JudgeBudget(calls_per_day=60))}
DAY_ONE = [PLAIN] * 190 + [BANNED] * 10


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Agent]:
    """A house on its second day: on the first a judge decided all but one of 200 answers, of which local graders had flagged some."""
    with a_house(tmp_path, FEW_CALLS, DAY_ONE, BOTH) as agent:
        said = {"flagged": "violates", "clean": "complies"}
        with agent.store.transaction() as txn:
            keep(txn, Said([], [judged(row, said[row["band"]]) for row in draws(agent, "r")[:-1]]))
        later(agent, 7200)
        more(agent, DAY_ONE, "b")
        yield agent


def draws(agent: Agent, prefix: str) -> list[dict[str, Any]]:
    """The draws of the first day (r) or the second (b)."""
    sql = "SELECT d.* FROM base.judge_draws d JOIN base.turns t ON t.trace_id = d.unit_id WHERE (t.seq <= 200) = ? ORDER BY t.seq"
    return agent.store.frame(sql, [prefix == "r"]).to_dicts()


def test_strata_follow_what_local_graders_say_and_nothing_has_no_chance(house: Agent) -> None:
    before, after = draws(house, "r"), draws(house, "b")
    assert {row["inclusion_probability"] for row in before} == {1.0}, "of the first day nothing is known"
    assert len(after) == 200
    by_band = {row["band"]: row["inclusion_probability"] for row in after}
    assert by_band.keys() == {"flagged", "clean"}
    assert 0 < by_band["clean"] < 1
    asked = {row["unit_id"] for row in rows(house, f"SELECT unit_id FROM grades WHERE rule_id = '{RULE}'")}
    assert asked == {row["unit_id"] for row in (*before, *after) if row["drawn"]}
    rates = afforded(house_of(house), naive_utc(house.clock.now()))[RULE]
    assert all(0 < rates.of(Stratum("shop", "", band)) <= 1 for band in BANDS)


def test_a_draw_stands_whatever_local_graders_say_later(house: Agent) -> None:
    """The same answers graded again by graders that flag all of them: nobody is asked about others than before, nor by other chances."""
    before = draws(house, "b")
    window = reads.window(house.store, 200, 400)
    assert window is not None
    with house.store.transaction() as txn:
        txn.execute("UPDATE base.grades SET verdict = 'violates' WHERE rule_id = 'TONE-01'")
    again = grade_and_draw(
        house_of(house),
        house.policies,
        graded_turns(house_of(house), window),
        naive_utc(house.clock.now()) + timedelta(days=3),
        first=False,
    )
    assert not again.draws
    asked = set(again.grades.filter(pl.col("rule_id") == RULE)["unit_id"])
    assert asked == {row["unit_id"] for row in before if row["drawn"]}
    assert draws(house, "b") == before


def test_rates_weigh_both_draws_and_know_how_many_there_were(house: Agent) -> None:
    """Violations are where local graders flag: what is asked more often there weighs less, and what was not drawn counts as its stratum does."""
    said = [
        judged(row, "violates" if row["band"] == "flagged" else "complies") for row in draws(house, "b") if row["drawn"]
    ]
    with house.store.transaction() as txn:
        keep(txn, Said([], said))
    today = naive_utc(house.clock.now()) + timedelta(days=1)
    found = weighted(graded_units(house.store, today - timedelta(days=2), today, [RULE]), known_plans(house.store))
    whole = [*draws(house, "r"), *draws(house, "b")]
    by_unit = {row["unit_id"]: row for row in whole}
    assert found.height == 400
    for row in found.to_dicts():
        drawn = by_unit[row["unit_id"]]
        assert row["inclusion_probability"] == (drawn["inclusion_probability"] if drawn["drawn"] else None)
        assert row["picked_probability"] == 1.0
    house.cycle()
    sql = (
        f"SELECT * FROM base.estimates WHERE rule_id = '{RULE}' AND segment = 'all' ORDER BY window_start DESC LIMIT 1"
    )
    [rate] = house.store.frame(sql).to_dicts()
    assert rate["method"].startswith("stratified-")
    assert rate["low"] < rate["value"] < rate["high"]
    day = [row for row in whole if rate["window_start"] <= row["time"] < rate["window_end"]]
    assert rate["value"] == pytest.approx(sum(row["band"] == "flagged" for row in day) / len(day))


def test_what_is_asked_more_often_moves_no_stream_and_no_arm(house: Agent) -> None:
    with house.store.transaction() as txn:
        keep(txn, Said([], [judged(row, "violates") for row in draws(house, "b") if row["drawn"]]))
    beyond = {row["unit_id"] for row in draws(house, "b") if row["oversampled"]}
    drawn = {row["unit_id"] for row in draws(house, "b") if row["drawn"]}
    assert beyond
    assert beyond < drawn
    assert {
        row["unit_id"] for row in rows(house, "SELECT unit_id FROM base.judged WHERE known IS NULL")
    } == drawn - beyond
    window = reads.window(house.store, 200, 400)
    assert window is not None
    metrics = turn_metrics(house.store, window)
    assert set(metrics.drop_nulls(f"rule:{RULE}")["unit_id"]) == drawn - beyond


def test_the_lot_of_an_answer_can_be_drawn_again_and_is_told(house: Agent) -> None:
    stored = draws(house, "b")
    assert all(
        row["drawn"] == (number_of(row["unit_id"], RULE, row["seed"]) < row["inclusion_probability"]) for row in stored
    )
    today = naive_utc(house.clock.now())
    drawn = sum(row["drawn"] for row in stored)
    assert redrawn(house.store, today - timedelta(days=9), today)["judges"] == [
        {"rule": RULE, "stored": 200, "drawn": drawn, "differ": 0}
    ]
    left = next(row["unit_id"] for row in stored if not row["drawn"])
    [why] = [one["why"] for one in ungraded(house.store, house_of(house).policies, left) if one["rule_id"] == RULE]
    assert "its judge can look at some answers only" in why
    assert "that local graders call clean" in why


def test_values_that_a_policy_names_make_strata(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY.replace("rules:", "scope: {languages: [de, en]}\nrules:"))
    policies = load_policies(tmp_path)
    time = NOW
    turns = [
        Turn(f"u{n}", time, "shop", "Hello", "Bye", language=language)
        for n, language in enumerate(["de", "en", None, "fr"])
    ]
    graded = pl.DataFrame(
        {
            "unit_id": [turn.unit_id for turn in turns],
            "rule_id": RULE,
            "policy": "padding",
            "verdict": "not_graded",
            "reason": f"{WAITS_FOR_JUDGE}small",
            "score": None,
        }
    ).with_columns(time=pl.lit(naive_utc(time)), graded_at=pl.lit(naive_utc(time)))
    rates = {RULE: AskingRates({Stratum("shop", "de", "clean"): 0.25, Stratum("shop", OTHER, "clean"): 0.5})}
    found = SecondDraw(Connected({"small"}, {"shop"}), rates, 1).of(graded, turns, policies)
    assert [row["value"] for row in found] == ["de", "en", "unknown", "fr"]
    assert [row["inclusion_probability"] for row in found] == [0.25, 0.5, 0.5, 0.5]


def test_rates_by_bands_cover_and_are_narrower_than_by_application() -> None:
    """A small version of what `pytest -m statistics tests/statistics/test_judge_strata.py` prints."""
    found = held(list(days(0.05, Cheap(0.7, 0.02), 100, 150, seed=1)), 0.05)
    assert found[BY_BAND].coverage >= 0.92
    assert found[BY_BAND].width < 0.85 * found[BY_APP].width


def judged(row: dict[str, Any], verdict: str) -> dict[str, Any]:
    return {
        "unit_id": row["unit_id"], "time": row["time"], "unit": "turn", "rule_id": RULE, "verdict": verdict, "score": None, "reason": "",
        "grader": "judge:small", "grader_version": "v", "policy": "padding", "policy_version": "1.0.0", "policy_hash": "h",
        "graded_at": row["drawn_at"] + timedelta(seconds=1), "found_from": None, "found_to": None, "proposed": None,
    }  # fmt: skip
