"""How long SQL waits for the tables of reviews: 100,000 items and 50,000 labels. `python -m benchmarks.review_reads`.

Prints processor and wall milliseconds of making each table after something was written, and of reading it again.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import insert

from monitor.clock import FakeClock
from monitor.state import ControlState, labels
from monitor.state.public import column_of
from monitor.state.review_tables import REVIEW_ITEMS
from monitor.state.tables import LABELS
from plumbline.labels import SCHEMA
from plumbline.reviews.tables import items_table, reviews_table

ITEMS: Final = 100_000
NOW: Final = datetime(2026, 11, 28, tzinfo=UTC)


def filled(folder: Path) -> ControlState:
    """Return a control state with fifty reviews of 2,000 items, every second one judged."""
    state = ControlState.open(folder / "control.db", FakeClock(NOW))
    with state.transaction() as txn:
        txn.execute(insert(REVIEW_ITEMS), [_item(number) for number in range(ITEMS)])
        txn.execute(insert(LABELS), [_label(number) for number in range(0, ITEMS, 2)])
    return state


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
    return {**_place(number), **said, "seq": number, "policy": "demo", "policy_version": "1"}


def labels_table(state: ControlState) -> pa.Table:
    """Return the public table `labels`, as the agent makes it."""

    def made() -> pa.Table:
        with state.transaction() as txn:
            told = labels.listed(txn)
        return pa.table({field.name: column_of(told[field.name], field.type) for field in SCHEMA}, schema=SCHEMA)

    return state.kept("labels", made)


def main() -> None:
    """Print a line a table."""
    with tempfile.TemporaryDirectory() as folder:
        state = filled(Path(folder))
        for name, read in (("review_items", items_table), ("labels", labels_table), ("reviews", reviews_table)):
            for how in ("made anew", "again"):
                wall, cpu = time.perf_counter(), time.process_time()
                n = read(state).num_rows
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                print(f"{name}, {n:,} rows, {how}: {1000 * cpu:.2f} ms of processor, {1000 * wall:.2f} ms")


if __name__ == "__main__":
    main()
