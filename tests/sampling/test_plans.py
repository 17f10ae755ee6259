"""A turn that two plans reach is in the sample more often: what its probability is, whoever drew it, and after a change of rates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.config.schema import SamplingSettings, Settings
from monitor.recent import known_plans
from monitor.sampling import Plan, plan_of
from monitor.steps import House, TurnBatch, sample
from monitor.steps import Mark as StepMark
from monitor.store import reads
from monitor.store.graded import graded_units
from monitor.store.opening import Store
from monitor.weighing import weighted
from tests.store.rows import START

AT = START.replace(tzinfo=None)


def graded(**columns: object) -> pl.DataFrame:
    base = {
        "unit_id": ["a", "b", "c"],
        "seq": [1, 2, 3],
        "time": [AT] * 3,
        "app": ["shop", "shop", "bank"],
        "model": ["m", "n", "m"],
    }
    return pl.DataFrame({**base, **columns})


def test_a_plan_that_did_not_pick_a_turn_counts_with_the_chance_it_had() -> None:
    plans = [(1, Plan("live", 1, 0.3)), (1, Plan("panel", 2, 0.1, {"n": 0.5}, column="model"))]
    rows = graded(plans=[["live"], ["panel"], ["live", "panel"]], inclusion_probability=[0.3, 0.5, 1 - 0.7 * 0.9])
    found = weighted(rows, plans)["inclusion_probability"].to_list()
    assert found == pytest.approx([1 - 0.7 * 0.9, 1 - 0.7 * 0.5, 1 - 0.7 * 0.9])


def test_a_plan_reaches_no_turn_outside_its_app_and_days() -> None:
    plans = [(1, Plan("panel", 2, 0.1, app="bank", start=AT, end=AT + timedelta(days=1)))]
    rows = graded(plans=[["other"]] * 3, inclusion_probability=[0.4] * 3)
    assert weighted(rows, plans)["inclusion_probability"].to_list() == pytest.approx([0.4, 0.4, 1 - 0.6 * 0.9])
    late = rows.with_columns(time=pl.lit(AT + timedelta(days=1)))
    assert weighted(late, plans)["inclusion_probability"].to_list() == pytest.approx([0.4] * 3)


def test_a_turn_was_under_the_plan_as_it_was_then() -> None:
    plans = [(1, Plan("live", 1, 0.3)), (3, Plan("live", 1, 0.9))]
    rows = graded(plans=[["panel"]] * 3, inclusion_probability=[0.5] * 3)
    assert weighted(rows, plans)["inclusion_probability"].to_list() == pytest.approx(
        [1 - 0.5 * 0.7] * 2 + [1 - 0.5 * 0.1]
    )


def test_what_no_plan_picked_has_no_probability() -> None:
    rows = graded(
        plans=pl.Series([None, ["live"], None], dtype=pl.List(pl.String)), inclusion_probability=[None, 0.3, None]
    )
    assert weighted(rows, [(1, Plan("live", 1, 0.3))])["inclusion_probability"].to_list() == [
        None,
        pytest.approx(0.3),
        None,
    ]


def test_the_store_keeps_every_plan_and_one_row_a_unit(tmp_path: Path) -> None:
    store = Store.open(tmp_path, clock=FakeClock(START + timedelta(hours=1)))
    turns = [{"trace_id": f"{n:032x}", "seq": n, "time": AT, "app": "shop", "model": "m"} for n in range(1, 201)]
    with store.transaction() as txn:
        txn.insert("turns", turns)
    for rate, upto in ((0.5, 100), (0.5, 150), (1.0, 200)):
        house = House(store, Settings(sampling=SamplingSettings(rate=rate)), [], store.clock, None)
        window = reads.window(store, reads.marks(store).get("sample", (0, None))[0], upto)
        assert window is not None
        sample(house, TurnBatch(window, StepMark("sample", seq=upto)))
    live = plan_of(SamplingSettings()).name
    assert [(since, plan.rate) for since, plan in known_plans(store)] == [(1, 0.5), (151, 1.0)]
    panel = Plan("panel", 9, 0.1)
    with store.transaction() as txn:
        drawn = panel.draw(reads.unit_counts(store, AT, AT + timedelta(days=1)), START)
        txn.insert("samples", drawn)
        units = txn.read("SELECT DISTINCT unit_id FROM base.samples")["unit_id"].to_pylist()
        grade = {
            "time": AT,
            "rule_id": "R-1",
            "verdict": "complies",
            "grader": "rule",
            "graded_at": AT,
        }
        txn.insert("grades", [{"unit_id": unit, **grade} for unit in units])
    found = weighted(graded_units(store, AT, AT + timedelta(days=1)), known_plans(store))
    assert found["unit_id"].is_unique().all()
    assert set(found["unit_id"]) == set(units)
    by_panel = {s.unit_id for s in drawn}
    for unit, seq, probability in found.select("unit_id", "seq", "inclusion_probability").iter_rows():
        both = 1 - (0.5 if seq <= 150 else 0.0) * (0.9 if unit in by_panel else 1.0)
        assert probability == pytest.approx(both), (unit, live)
    store.close()
