"""Signatures are asked for again once something was written of which they tell, and only for what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import FakeClock, naive_utc
from monitor.store.opening import Store
from monitor.store.pieces import Seen, signatures
from tests.store.rows import START

HOUR = timedelta(hours=1)
DAY = naive_utc(START).replace(hour=0, minute=0, second=0, microsecond=0)

LOOKS = st.tuples(st.just("look"), st.integers(0, 20), st.integers(1, 10))
WRITES = st.tuples(
    st.sampled_from(["turns", "grades", "samples", "app", "gone", "marks"]), st.integers(0, 29), st.just(0)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LOOKS | WRITES, min_size=3, max_size=12))
def test_what_was_seen_is_what_is_there(acts: Sequence[tuple[str, int, int]]) -> None:
    store, seen = emptied(), Seen()
    for number, (act, at, length) in enumerate(acts):
        if act == "look":
            bounds = DAY + at * HOUR, DAY + (at + length) * HOUR
            assert seen.signatures(store, *bounds, HOUR, ["model"]) == signatures(store, *bounds, HOUR, ["model"])
        else:
            write(store, act, DAY + at * HOUR, str(number))


@cache
def shared() -> Store:
    """One for all examples: making a store takes longer than asking it."""
    return Store.scratch(FakeClock(START))


def emptied() -> Store:
    with shared().transaction() as txn:
        for table in ("turns", "grades", "samples", "marks"):
            txn.execute(f"DELETE FROM base.{table}")
    return shared()


def write(store: Store, act: str, time: datetime, name: str) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "turns": [{"trace_id": name, "time": time, "app": "shop"}],
        "grades": [{"unit_id": name, "time": time, "graded_at": time}],
        "samples": [{"unit_id": name, "time": time}],
        "marks": [{"step": name}],
    }
    with store.transaction() as txn:
        if act == "app":
            txn.execute("UPDATE base.turns SET app = ? WHERE time = ?", [name, time])
        elif act == "gone":
            txn.execute("DELETE FROM base.turns WHERE time = ?", [time])
        else:
            txn.insert(act, rows[act])


def test_nothing_is_asked_while_nothing_is_written() -> None:
    store, seen, asked = Store.scratch(FakeClock(START)), Seen(), Counting()
    asked.store = store
    write(store, "turns", DAY, "one")
    for start, end, n in ((0, 5, 4), (0, 5, 0), (1, 3, 0), (-2, 3, 4), (-2, 5, 0), (0, 6, 4)):
        seen.signatures(asked, DAY + start * HOUR, DAY + end * HOUR, HOUR, [])
        assert asked.taken() == n
    write(store, "marks", DAY, "one")
    seen.signatures(asked, DAY, DAY + HOUR, HOUR, [])
    assert asked.taken() == 0
    write(store, "grades", DAY, "one")
    seen.signatures(asked, DAY, DAY + HOUR, HOUR, [])
    assert asked.taken() == 4
    with store.transaction() as txn:
        for _ in range(2):
            seen.signatures(txn, DAY, DAY + HOUR, HOUR, [])
            txn.execute("UPDATE base.turns SET app = 'other'")
        assert seen.signatures(txn, DAY, DAY + HOUR, HOUR, []) == signatures(txn, DAY, DAY + HOUR, HOUR, [])


class Counting:
    """A store that counts what is asked of it."""

    store: Store
    asked = 0

    def taken(self) -> int:
        """How many questions there were since this was asked last."""
        self.asked, asked = 0, self.asked
        return asked

    def rows(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
        self.asked += 1
        return self.store.rows(sql, params)

    def state(self, tables: Sequence[str]) -> object:
        return self.store.state(tables)

    def frame(self, sql: str, params: Any = None) -> Any:
        raise NotImplementedError
