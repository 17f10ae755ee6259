"""A step nobody knew before: one declaration, fed like the others, its mark kept over a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.cycle import SCORES, STEPS, TIME, TURNS, Ahead, Step, run_cycle
from monitor.steps import House, ScoreBatch, TurnBatch, marked
from monitor.store import reads
from monitor.store.opening import Store
from monitor.store.transaction import Params
from tests.store.rows import START


@pytest.fixture
def house(tmp_path: Path) -> House:
    clock = FakeClock(START + timedelta(days=1))
    return House(Store.open(tmp_path, clock=clock), Settings(), [], clock, None)


def add(house: House, *seqs: int) -> None:
    turns = [
        {"trace_id": f"{seq:032x}", "seq": seq, "time": START + timedelta(seconds=seq), "app": "shop"} for seq in seqs
    ]
    scores = [
        {
            "trace_id": turn["trace_id"],
            "name": "helpful",
            "value": 1.0,
            "time": turn["time"],
            "received_at": turn["time"],
        }
        for turn in turns
    ]
    with house.store.transaction() as txn:
        txn.insert("turns", turns)
        txn.insert("scores", scores)


def test_one_declaration_is_enough(house: House) -> None:
    seen: list[tuple[str, int]] = []

    def count_turns(house: House, batch: TurnBatch) -> int:
        new = reads.new_turns(house.store, batch.window).height
        with marked(house.store, batch.mark):
            seen.append(("turns", new))
        return new

    def count_scores(house: House, batch: ScoreBatch) -> int:
        with marked(house.store, batch.mark):
            seen.append(("scores", batch.metrics.height))
        return batch.metrics.height

    def look(_: House, __: None) -> int:
        seen.append(("time", 1))
        return 1

    steps = (
        *STEPS,
        Step("count", TURNS, count_turns),
        Step("count:scores", SCORES, count_scores),
        Step("look", TIME, look),
    )
    add(house, 1, 2, 3)
    decided = run_cycle(house, steps)
    assert (decided["count"], decided["count:scores"], decided["look"]) == (3, 3, 1)
    assert list(decided) == [step.name for step in steps]
    assert run_cycle(house, steps)["count"] == 0, "the mark of a step is kept with what it did"
    add(house, 4)
    assert run_cycle(house, steps)["count"] == 1
    assert seen == [("turns", 3), ("scores", 3), ("time", 1), ("time", 1), ("turns", 1), ("scores", 1), ("time", 1)]
    house.store.close()


def test_how_far_a_step_goes_is_what_the_store_says(house: House) -> None:
    seqs = [2, 3, 4, 9, 11, 12, 30]
    add(house, *seqs)
    ahead = Ahead(house.store, reads.newest_turn(house.store))
    for after in range(32):
        for limit in (1, 3, 50):
            if after < max(seqs):
                assert ahead.upto(after, limit) == reads.last_turn(house.store, after, limit)
        assert ahead.window(after, 31) == ahead.window(after, 31) == reads.window(house.store, after, 31)


def test_a_turn_that_moves_in_time_while_a_step_works_is_seen_by_the_next(house: House) -> None:
    """A span that comes late makes a turn begin earlier, under the number it had."""
    seen: list[str] = []

    def move(house: House, batch: TurnBatch) -> int:
        with marked(house.store, batch.mark) as txn:
            txn.execute("UPDATE base.turns SET time = time - INTERVAL 1 MINUTE WHERE seq = 1")
        return 1

    def look(house: House, batch: TurnBatch) -> int:
        with marked(house.store, batch.mark):
            seen.extend(reads.new_turns(house.store, batch.window)["unit_id"])
        return 1

    add(house, 1, 2, 3)
    run_cycle(house, (Step("move", TURNS, move), Step("look", TURNS, look)))
    assert seen == [f"{seq:032x}" for seq in (1, 2, 3)]


def test_a_cycle_without_anything_new_asks_little(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    add(house, *range(1, 40))
    run_cycle(house)
    asked: list[str] = []

    def counted(plain: Callable[..., Any]) -> Callable[..., Any]:
        def ask(store: Store, sql: str, params: Params = None) -> Any:
            asked.append(sql)
            return plain(store, sql, params)

        return ask

    for name in ("rows", "read"):
        monkeypatch.setattr(Store, name, counted(getattr(Store, name)))
    run_cycle(house)
    assert not [sql for sql in asked if "base.content" in sql or "base.features" in sql], (
        "nothing is read of turns again"
    )
    assert len(asked) <= 20
    begun = len(asked)
    add(house, 40)
    run_cycle(house)
    assert len(asked) - begun > 30, "what is asked of something new is counted, too"
