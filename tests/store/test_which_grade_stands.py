"""A unit may be graded again: the last word counts, for rates and for the pages, however the rows came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.store.graded import graded_units
from monitor.store.opening import Store
from monitor.store.pages import read_page
from tests.store.rows import START

UNIT = "1" * 32
VERDICTS = ("violates", "complies", "cannot_judge")
AT = START.astimezone(UTC).replace(tzinfo=None)


def graded(order: tuple[int, ...], folder: Path) -> Store:
    """A store in which one unit was graded three times, at minutes 0, 1 and 2, its rows inserted in `order`."""
    store = Store.open(folder, clock=FakeClock(START + timedelta(hours=1)))
    turn = {"trace_id": UNIT, "seq": 1, "time": AT, "app": "shop", "input_span_id": "a", "output_span_id": "a"}
    drawn = {
        "unit_id": UNIT,
        "time": AT,
        "plan": "rate",
        "stratum": "shop",
        "inclusion_probability": 1.0,
        "drawn_at": AT,
    }
    with store.transaction() as txn:
        txn.insert("turns", [turn])
        txn.insert("samples", [drawn])
        for minute in order:
            grade = {"unit_id": UNIT, "time": AT, "rule_id": "R-1", "verdict": VERDICTS[minute], "grader": "rule"}
            txn.insert("grades", [{**grade, "graded_at": AT + timedelta(minutes=minute)}])
    return store


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_newest_grade_stands_in_whatever_order_grades_came(order: tuple[int, ...], tmp_path: Path) -> None:
    store = graded(order, tmp_path)
    window = (AT - timedelta(hours=1), AT + timedelta(hours=1))
    assert graded_units(store, *window)["verdict"].to_list() == [VERDICTS[2]]
    shown = read_page(store, "traces", {"start": _text(window[0]), "end": _text(window[1]), "verdict": VERDICTS[2]}, {})
    assert shown["trace_id"].to_pylist() == [UNIT]
    gone = read_page(store, "traces", {"start": _text(window[0]), "end": _text(window[1]), "verdict": VERDICTS[0]}, {})
    assert gone.num_rows == 0
    store.close()


def _text(instant: datetime) -> str:
    return instant.isoformat()
