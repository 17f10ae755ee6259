"""How long SQL waits for the tables of reviews: 100,000 items and 50,000 labels. `python -m benchmarks.review_reads`.

Prints processor and wall milliseconds of the first read of each table as the agent has it (all was read ahead, which is timed
too), of one after somebody judged an answer, and again.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import insert

from monitor.clock import FakeClock
from monitor.state import ControlState, labels
from monitor.state.review_tables import REVIEW_ITEMS, REVIEWS
from monitor.state.tables import LABELS
from plumbline.labels import LabelBook
from plumbline.reviews.tables import items_table, read_ahead, reviews_table

ITEMS: Final = 100_000
NOW: Final = datetime(2026, 11, 28, tzinfo=UTC)
EACH: Final = 10_000_000
"""Microseconds between two labels."""

SEQ: Final = int(NOW.timestamp() * 1_000_000) - ITEMS * EACH


def filled(folder: Path) -> ControlState:
    """Return a control state with fifty reviews of 2,000 items, every second one judged."""
    state = ControlState.open(folder / "control.db", FakeClock(NOW))
    with state.transaction() as txn:
        txn.execute(insert(REVIEWS), [_review(number) for number in range(ITEMS // 2000)])
        txn.execute(insert(REVIEW_ITEMS), [_item(number) for number in range(ITEMS)])
        txn.execute(insert(LABELS), [_label(number) for number in range(0, ITEMS, 2)])
    return state


def _review(number: int) -> dict[str, Any]:
    when = dict.fromkeys(("opened_at", "start", "made_at", "due_at"), NOW)
    frozen = {"opened_by": "ana", "upto": 0, "seed": number, "size": 2000, "strata": "{}", "policies": "{}"}
    return {"id": f"r{number}", **when, **frozen}


def _place(number: int) -> dict[str, Any]:
    return {"review_id": f"r{number // 2000}", "unit_id": f"{number:032x}", "time": NOW, "policy_hash": "ab" * 32}


def _item(number: int) -> dict[str, Any]:
    drawn = {
        "stratum": "panel: shop, flagged",
        "inclusion_probability": 0.1,
        "reason": "one of 20 drawn by lot from 200",
    }
    asked = {"need": 1, "severe": 0, "rules": '["HELP-01"]', "assigned": '["ana"]'}
    return {**_place(number), **drawn, **asked, "number": number % 2000, "app": "shop"}


def _label(number: int) -> dict[str, Any]:
    said = {
        "rule_id": "HELP-01",
        "verdict": "complies",
        "adjudicated": 0,
        "at": NOW,
        "person": "ana",
        "key": f"k{number}",
    }
    return {**_place(number), **said, "seq": SEQ + number * EACH, "policy": "demo", "policy_version": "1"}


def book(state: ControlState) -> LabelBook:
    """Return the labels as the agent has them, of no store."""
    return LabelBook(state, cast("Any", None), (), lambda text, _: text, state.clock, threading.Lock())


def one_more(state: ControlState, number: int) -> None:
    """Somebody judges one answer more of the last review."""
    with state.transaction() as txn:
        labels.add(txn, {**_label(ITEMS - number), "at": NOW + timedelta(seconds=number), "key": f"new{number}"})


def timed(read: Callable[[], int]) -> str:
    """Return what a read takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    n = read()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{n:,} rows: {1000 * cpu:.1f} ms of processor, {1000 * wall:.1f} ms"


def ahead(read: Callable[[], None], n: int) -> int:
    """Read `n` rows before anybody asks for them."""
    read()
    return n


def main() -> None:
    """Print a line a read: the first of a process, after each of some labels, and again."""
    with tempfile.TemporaryDirectory() as folder:
        state = filled(Path(folder))
        reads: dict[str, Callable[[], int]] = {
            "review_items": lambda: int(items_table(state).num_rows),
            "labels": lambda: int(book(state).table().num_rows),
            "reviews": lambda: int(reviews_table(state).num_rows),
        }
        print(f"read ahead, items of {timed(partial(ahead, partial(read_ahead, state), ITEMS))}")
        print(f"read ahead, labels of {timed(partial(ahead, book(state).read_ahead, ITEMS // 2))}")
        for name, read in reads.items():
            print(f"{name}, the first, {timed(read)}")
            for number in range(1, 4):
                one_more(state, 2 * len(name) * 10 + number * 2)
                print(f"{name}, after a label, {timed(read)}")
            print(f"{name}, again, {timed(read)}")


if __name__ == "__main__":
    main()
