"""The one rule: before a limit goes, at it stays; nothing is lost between what is kept and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.rows import KEYS, TABLES
from monitor.removal.frame_shrinker import reduced
from monitor.store.removal.age_limits import KEEP_ALL, TEXTS, Limits, within
from monitor.store.transaction import to_arrow
from tests.store.rows import Row, frame

LIMIT = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as stored
near = st.lists(st.integers(-3, 3) | st.integers(-(10**12), 10**12), max_size=12)
tables = st.sampled_from(sorted(KEYS))


def rows_at(table: str, offsets: list[int]) -> pl.DataFrame:
    filled = {name: "words" for name in (*TEXTS.get(table, ()), "system_text") if name in TABLES[table]}
    rows: list[Row] = [
        {"time": LIMIT + timedelta(microseconds=off), "source": str(off), "span_id": str(off), **filled}
        for off in offsets
    ]
    return pl.DataFrame(to_arrow(rows, TABLES[table]))


@given(tables, near)
def test_a_row_is_refused_exactly_before_the_limit_of_spans(table: str, offsets: list[int]) -> None:
    rows = rows_at(table, offsets)
    kept, refused = within({table: rows}, Limits(spans=LIMIT))
    assert kept[table]["time"].to_list() == [t for t in rows["time"] if t >= LIMIT]
    gone = refused.get(table, rows.clear())
    assert gone["time"].to_list() == [t for t in rows["time"] if t < LIMIT]
    assert kept[table].equals(rows.filter(pl.col("time") >= LIMIT))


@given(tables, near)
def test_texts_go_exactly_before_the_limit_of_content_and_numbers_never(table: str, offsets: list[int]) -> None:
    rows = rows_at(table, offsets)
    kept, refused = within({table: rows}, Limits(content=LIMIT))
    assert not refused
    if table == "content":
        assert kept[table].equals(rows.filter(pl.col("time") >= LIMIT))
        return
    texts = TEXTS.get(table, ())
    assert kept[table].drop(texts).equals(rows.drop(texts))
    for column in texts:
        assert kept[table][column].to_list() == ["words" if t >= LIMIT else None for t in rows["time"]]


@given(tables, near, st.sampled_from([KEEP_ALL, Limits(rollups=LIMIT)]))
def test_without_a_limit_nothing_changes(table: str, offsets: list[int], limits: Limits) -> None:
    rows = rows_at(table, offsets)
    kept, refused = within({table: rows}, limits)
    assert not refused
    assert kept[table] is rows


def test_refusals_have_no_age() -> None:
    rows = rows_at("refusals", [-5])
    kept, refused = within({"refusals": rows}, Limits(LIMIT, LIMIT, LIMIT))
    assert kept["refusals"] is rows
    assert not refused


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8), st.booleans())
def test_a_frame_of_the_spool_never_grows(offsets: list[int], whole: bool) -> None:
    tables = frame(content=[{"time": off, "span_id": str(off), "system_text": "w" * 50} for off in offsets])
    middle = datetime(1970, 1, 1)  # noqa: DTZ001 - as stored
    limits = Limits(spans=middle) if whole else Limits(content=middle)
    smaller = reduced(tables, lambda rows: _changed(rows, limits))
    if all(off >= 0 for off in offsets):
        assert smaller is None
    else:
        assert smaller is not None
        assert sum(map(len, smaller.values())) <= sum(map(len, tables.values()))


def _changed(
    rows: Mapping[str, pl.DataFrame], limits: Limits
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    kept, _ = within(rows, limits)
    return kept, {name: table for name, table in kept.items() if not table.equals(rows[name])}
