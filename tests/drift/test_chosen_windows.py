"""Two windows that a person chose: what is in each, evenly drawn, of an app or a segment of it, and a page that is drawn once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import SystemClock
from monitor.drift import evidently_report
from monitor.drift.evidently_report import render_windows
from monitor.errors import PluginError
from monitor.store.opening import Store
from monitor.store.report_rows import ROWS, Stretch, chosen_windows
from tests.drift.traffic import START, at

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store.scratch(SystemClock())
    apps = [("shop", "12"), ("shop", "13"), ("desk", "12")]
    rows = [
        {
            "trace_id": f"{i:032x}",
            "seq": i,
            "time": START + i * timedelta(minutes=1),
            "app": app,
            "release": release,
            "duration_ms": float(i),
        }
        for i in range(6_000)
        for app, release in [apps[i % 3]]
    ]
    with made.transaction() as txn:
        txn.insert("turns", rows)
    yield made
    made.close()


def stretch(first: float, last: float, app: str | None = "shop", segment: str = "all") -> Stretch:
    begun = at(0)
    return Stretch(begun + first * DAY, begun + last * DAY, app, segment)


def test_a_window_holds_its_own_turns_of_one_segment(store: Store) -> None:
    told = chosen_windows(store, stretch(0, 1, segment="release=12"), stretch(1, 2, segment="release=13"))
    assert told["reference"]["duration_ms"] == [float(i) for i in range(0, 1440, 3)]
    assert told["current"]["duration_ms"] == [float(i) for i in range(1441, 2880, 3)]


def test_of_more_turns_than_a_report_holds_some_are_drawn_from_all_of_the_time(store: Store) -> None:
    durations = chosen_windows(store, stretch(0, 5, None), stretch(0, 5, None))["current"]["duration_ms"]
    assert len(durations) == ROWS
    assert 2_700 < sum(durations) / ROWS < 3_300


def test_a_pair_of_windows_is_drawn_once(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []

    def draw(windows: Any, page: Path) -> None:
        drawn.append(windows)
        page.write_text("drawn")

    monkeypatch.setattr(evidently_report, "_render", draw)
    pages = {render_windows(store, stretch(0, 1), stretch(1, 2), tmp_path / "reports") for _ in range(2)}
    pages.add(render_windows(store, stretch(0, 1), stretch(2, 3), tmp_path / "reports"))
    assert (len(pages), len(drawn)) == (2, 2)
    with pytest.raises(PluginError, match="holds no turns"):
        render_windows(store, stretch(0, 1), stretch(50, 51), tmp_path / "reports")
