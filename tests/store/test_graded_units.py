"""What was said of turns, read as columns, is what a plain walk over the rows says: whoever said it, however often, under whatever plans."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from monitor.clock import FakeClock
from monitor.config.schema import EstimateSettings
from monitor.estimates import estimate_told
from monitor.model.dimensions import NAMES
from monitor.recent import known_plans
from monitor.store.graded import graded_units
from monitor.store.opening import Store
from monitor.store.precedence import AGREED, CONTESTED, JUDGE
from monitor.verdict_columns import told
from monitor.weighing import weighted
from tests.store.rows import START, Row

AT = START.astimezone(UTC).replace(tzinfo=None)
END = AT + timedelta(hours=1)
WORDS = ("violates", "complies", "borderline", "cannot_judge", "not_graded")
RULES = ("R-1", "R-2", "R-3")


def some_store(folder: Path, seed: int, plans: Sequence[str]) -> tuple[Store, dict[str, list[Row]]]:
    """A store of 60 turns of which machines and people said things at random, and the rows it was made of."""
    rng = random.Random(seed)
    rows: dict[str, list[Row]] = {"turns": [], "samples": [], "grades": [], "judge_draws": []}
    for number in range(60):
        unit, at = f"{rng.getrandbits(128):032x}", AT + timedelta(minutes=number)  # the last minute is out
        who = {
            "app": rng.choice(["shop", None]),
            "user_id": rng.choice(["ana", "ben", None]),
            "session_id": f"s{number % 9}",
        }
        rows["turns"].append(
            who | {"trace_id": unit, "seq": number, "time": at, "sampling_weight": rng.choice([None, 4.0])}
        )
        for plan in plans:
            if rng.random() < 0.6:
                drawn = {"plan": plan, "inclusion_probability": rng.choice([0.25, 0.5])}
                rows["samples"].append(drawn | {"unit_id": unit, "time": at, "drawn_at": at})
        for rule in RULES:
            rows["grades"] += some_grades(rng, unit, rule, at)
            if rng.random() < 0.4:
                draw = {"value": "en", "band": "high", "inclusion_probability": 0.5, "drawn": rng.random() < 0.5}
                rows["judge_draws"].append(draw | {"unit_id": unit, "rule_id": rule, "time": at})
    store = Store.open(folder, clock=FakeClock(START + timedelta(hours=2)))
    with store.transaction() as txn:
        for name, made in rows.items():
            txn.insert(name, made)
    return store, rows


def some_grades(rng: random.Random, unit: str, rule: str, at: datetime) -> list[Row]:
    """What a rule, a judge that was asked again and two people said of one answer: each at a moment of its own."""
    made: list[Row] = []
    contested = rng.random() < 0.3
    for grader, version, standing in (
        *(("rule", "1", None), ("judge:small", "v1", JUDGE), ("judge:small", "v2", JUDGE)),
        *(("human:ana", "label", None), ("human:ben", "label", None)),
    ):
        if rng.random() < 0.4:
            person = grader.startswith("human:")
            picked = {"plan": "review", "inclusion_probability": 0.1} if person and rng.random() < 0.7 else {}
            said = {"verdict": rng.choice(WORDS), "proposed": rng.choice([None, None, "violates"])}
            stands = (CONTESTED if contested else AGREED) if person else standing
            sure = {"score": rng.choice([None, 0.3])} if standing == JUDGE else {}
            when = at + timedelta(seconds=rng.randint(1, 10_000) + len(made) / 10)
            named = {"unit_id": unit, "rule_id": rule, "time": at, "grader": grader, "grader_version": version}
            made.append(named | picked | said | sure | {"standing": stands, "graded_at": when})
    return made


def plainly(rows: dict[str, list[Row]], rules: Sequence[str]) -> list[Row]:
    """The same, row by row."""
    found = []
    for turn in rows["turns"]:
        for rule in rules:
            row = {} if turn["time"] >= END else one(rows, turn["trace_id"], rule)
            if row:
                told = {name: turn.get(name) for name in ("seq", "time", "sampling_weight", *NAMES)}
                found.append({"unit_id": turn["trace_id"], "rule_id": rule} | told | row)
    return found


def one(rows: dict[str, list[Row]], unit: str, rule: str) -> Row:
    """What was said of one answer under one rule; nothing where no plan picked it and nobody labelled it."""
    mine = [g for g in rows["grades"] if (g["unit_id"], g["rule_id"]) == (unit, rule)]
    draws = [d for d in rows["judge_draws"] if (d["unit_id"], d["rule_id"]) == (unit, rule)]
    samples = {s["plan"]: s["inclusion_probability"] for s in rows["samples"] if s["unit_id"] == unit}
    people = sorted((g for g in mine if g["grader"].startswith("human:")), key=lambda g: g["graded_at"])
    machines = [g for g in mine if g not in people]
    if not (mine or draws) or not (samples or people):
        return {}
    best = min(machines, key=lambda g: (g["standing"] != JUDGE, -g["graded_at"].timestamp()), default={})
    first = {g["grader"]: g for g in reversed(people)}
    asked = {g["plan"]: g["inclusion_probability"] for g in people if g.get("plan")}
    contested = bool(people) and people[-1]["standing"] == CONTESTED
    draw: Row = draws[0] if draws else {}
    return {
        "verdict": best.get("verdict"),
        "grader": best.get("grader"),
        "belief": belief(best),
        "plans": sorted(samples) or None,
        "inclusion_probability": together(samples),
        "stratum": "en high" if draw else None,
        "judge_probability": draw.get("inclusion_probability"),
        "judge_drawn": draw.get("drawn"),
        "label": people[-1]["verdict"] if people and not contested else None,
        "first_label": min(first.values(), key=lambda g: g["graded_at"])["verdict"] if first else None,
        "contested": contested,
        "label_probability": together(asked),
    }


def belief(grade: Row) -> float | None:
    if grade.get("standing") != JUDGE or grade["proposed"] is not None:
        return None
    word = {"violates": 1.0, "complies": 0.0}.get(grade["verdict"])
    return word if grade["score"] is None else grade["score"]


def together(probabilities: dict[str, float]) -> float | None:
    return 1 - math.prod(1 - p for p in probabilities.values()) if probabilities else None


def in_order(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(pl.col("plans").list.sort()).sort("unit_id", "rule_id")


@pytest.mark.parametrize("plans", [(), ("one",), ("one", "two")], ids=len)
@pytest.mark.parametrize("rules", [None, ["R-2"], ["R-1", "R-3"]], ids=str)
def test_all_that_was_said_is_there_once(plans: tuple[str, ...], rules: list[str] | None, tmp_path: Path) -> None:
    store, rows = some_store(tmp_path, len(plans), plans)
    found = graded_units(store, AT, END, rules)
    wanted = pl.DataFrame(plainly(rows, rules or RULES), found.schema)
    assert found.height > 10
    assert_frame_equal(in_order(found), in_order(wanted), rel_tol=0, abs_tol=1e-9)
    store.close()


def test_fewer_dimensions_change_no_rate(tmp_path: Path) -> None:
    store, _ = some_store(tmp_path, 3, ["one"])
    settings = EstimateSettings(window="28d", segments=())
    rates: list[Any] = []
    for more in ([], [["app", "session_id", "user_id"]]):
        graded = graded_units(store, AT, END, ["R-2"], *more)
        turns = store.frame("SELECT time, app FROM base.turns WHERE time < ?", [END])
        rates.append(estimate_told(told(weighted(graded, known_plans(store))), turns, settings, ending=START))
    assert rates[0] == rates[1] != []
    store.close()


def test_one_rule_and_several_are_brought_to_the_same_columns(tmp_path: Path) -> None:
    store, _ = some_store(tmp_path, 4, ["one"])
    plans = known_plans(store)
    alone = told(weighted(graded_units(store, AT, END, ["R-2"]), plans)).turns
    among = told(weighted(graded_units(store, AT, END), plans)).turns
    mine = [name for name in alone.columns if name.endswith(":R-2")]
    assert {name.split(":")[0] for name in mine} == {"rule", "belief", "stratum", "picked"}
    both = alone.select("unit", *mine).join(among.select("unit", *mine), on="unit", how="left", suffix=" among")
    for name in mine:
        assert both[name].equals(both[f"{name} among"], null_equal=True), name
    store.close()
