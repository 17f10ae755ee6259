"""What machines said of new turns, from one question, is what each of the plain questions answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import FakeClock
from monitor.model import dimensions
from monitor.store import reads
from monitor.store.opening import Store
from monitor.store.precedence import AGREED, AS_THEY_CAME, BY_MACHINE, JUDGE
from monitor.store.turn_measures import LastMeasured, TurnMeasures, turn_measures
from tests.store.rows import START

GRADES = st.fixed_dictionaries(
    {
        "unit_id": st.sampled_from(["a", "b", "gone"]),
        "rule_id": st.sampled_from(["R-1", "R-2"]),
        "policy_hash": st.sampled_from(["one", "two", None]),
        "verdict": st.sampled_from(["violates", "complies", "cannot_judge", "not_graded", "borderline"]),
        "grader": st.sampled_from(["length", "human:ada"]),
        "standing": st.sampled_from([None, AGREED, JUDGE]),
        "oversampled": st.sampled_from([None, True, False]),
    }
)
ASKED: Mapping[str, str] = {
    "rule:": f"""SELECT g.unit_id, 'rule:' || g.rule_id AS metric, max((g.verdict = 'violates')::DOUBLE) AS value
        FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE g.verdict IN ('violates', 'complies') AND {BY_MACHINE} AND {AS_THEY_CAME}
          AND ($p::VARCHAR[] IS NULL OR list_contains($p::VARCHAR[], g.policy_hash)) GROUP BY ALL""",
    "undecided:": f"""SELECT g.unit_id, 'undecided:' || g.rule_id AS metric,
               min((g.verdict IN ('cannot_judge', 'not_graded'))::DOUBLE) AS value
        FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE {BY_MACHINE} AND ($p::VARCHAR[] IS NULL OR list_contains($p::VARCHAR[], g.policy_hash)) GROUP BY ALL""",
}
"""The plain questions."""


@settings(max_examples=60, deadline=None)
@given(st.lists(GRADES, max_size=12))
def test_one_question_says_what_each_of_them_does(grades: Sequence[dict[str, Any]]) -> None:
    store = shared()
    with store.transaction() as txn:
        txn.execute("DELETE FROM base.grades")
        txn.insert("grades", [grade(row) for row in grades])
    measured = measures(store)
    for policies in (None, ["one"], ["one", "two"]):
        of_rules, undecided = (told(store.frame(sql, {"p": policies})) for sql in ASKED.values())
        assert told(measured.undecided(policies)) == undecided
        metrics = measured.metrics(policies)
        assert metrics["unit_id"].to_list() == ["a", "b"]
        wide = metrics.drop("time", *dimensions.NAMES).unpivot(index="unit_id", variable_name="metric").drop_nulls()
        assert told(wide.filter(pl.col("metric").str.starts_with("rule:"))) == of_rules


def test_the_measures_that_were_read_last_are_read_anew_once_something_was_said() -> None:
    store, last = house([]), LastMeasured()
    window = reads.window(store, 0, 9)
    assert window is not None
    first = last.of(store, window)
    with store.transaction() as txn:
        txn.insert("marks", [{"step": "drift"}])
    assert last.of(store, window) is first
    with store.transaction() as txn:
        txn.insert("grades", [grade({"unit_id": "a", "rule_id": "R-1", "verdict": "violates", "grader": "length"})])
    assert last.of(store, window).metrics()["rule:R-1"].to_list() == [1.0, None]
    nearer = reads.window(store, 1, 9)
    assert nearer is not None
    assert last.of(store, nearer).turns["unit_id"].to_list() == ["b"]


def test_a_model_is_named_without_provider_and_date() -> None:
    kinds = measures(house([])).endings["kind:model"].to_list()
    assert kinds == ["gpt-5", "claude"]


@cache
def shared() -> Store:
    """One for all examples: making a store takes longer than asking it."""
    return house([])


def house(grades: Sequence[dict[str, Any]]) -> Store:
    store = Store.scratch(FakeClock(START))
    models = {"a": "openai/gpt-5-2026-01-01", "b": "claude:latest"}
    turns = [
        {"trace_id": name, "seq": seq, "time": START, "app": "shop", "model": models[name]}
        for seq, name in enumerate("ab", 1)
    ]
    with store.transaction() as txn:
        txn.insert("turns", turns)
        txn.insert("grades", [grade(row) for row in grades])
    return store


def grade(row: dict[str, Any]) -> dict[str, Any]:
    return {"time": START, "graded_at": START, **row}


def measures(store: Store) -> TurnMeasures:
    window = reads.window(store, 0, 9)
    assert window is not None
    return turn_measures(store, window)


def told(long: pl.DataFrame) -> set[tuple[Any, ...]]:
    return set(long.select("unit_id", "metric", "value").iter_rows())
