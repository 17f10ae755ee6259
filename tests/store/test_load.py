"""Loading: what came is stored once, the ledger is exact, and a place in the spool is never left or read twice."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.frames import to_frame
from monitor.config.schema import Price
from monitor.model.rows import SPANS
from monitor.spool_writer import SpoolWriter
from monitor.store.load import MAX_PIECES, _after_gaps, pump
from monitor.store.prices import priced
from tests.store.rows import Home, a_call, a_span, frame, texts, us

LEDGER = "SELECT sum(received) AS received, sum(stored) AS stored, sum(duplicate) AS duplicate, sum(refused) AS refused FROM ledger"


def test_a_batch_that_comes_again_adds_nothing(home: Home) -> None:
    batch = frame(spans=[a_call("c1"), a_span("r", parent_id=None)], content=[texts("c1")])
    assert home.take(batch).stored == 2
    again = home.take(batch, batch)
    assert (again.stored, again.duplicate) == (0, 4)
    assert home.rows("SELECT count(*) AS n FROM base.content") == [{"n": 1}]
    assert home.rows(LEDGER) == [{"received": 6, "stored": 2, "duplicate": 4, "refused": 0}]


def test_a_resend_of_a_span_without_a_time_is_still_the_same_span(home: Home) -> None:
    first = a_call("c1", 0, flags="time_unknown")
    home.take(frame(spans=[first]))
    assert home.take(frame(spans=[first | {"time": us(7200), "received_at": us(7200)}])).duplicate == 1


def test_refusals_are_in_the_ledger_with_their_reason(home: Home) -> None:
    home.take(frame(refusals=[{"time": us(), "source": "http", "received": 3, "reason": "400: not protobuf"}]))
    (row,) = home.rows("SELECT source, received, stored, duplicate, refused, reason FROM ledger")
    assert row == {
        "source": "http",
        "received": 3,
        "stored": 0,
        "duplicate": 0,
        "refused": 3,
        "reason": "400: not protobuf",
    }


def test_what_comes_while_a_little_is_loaded_waits_for_the_next_time_so_that_loading_ends(home: Home) -> None:
    writer = SpoolWriter(home.folder / "spool", segment_bytes=1)  # a segment a frame
    ids = (f"c{number}" for number in range(9))

    def one_more() -> bool:
        writer.append(frame(spans=[a_call(next(ids))]))
        return False

    one_more(), one_more()
    assert pump(home.store, home.folder / "spool", stopping=one_more).stored == 2
    assert pump(home.store, home.folder / "spool").stored == 2
    writer.close()


def test_a_store_that_was_closed_goes_on_where_it_was(home: Home) -> None:
    home.take(frame(spans=[a_call("c1")]))
    home.store.close()
    again = Home(home.folder)
    assert again.take(frame(spans=[a_call("c2")])).stored == 1
    assert again.rows("SELECT count(*) AS n FROM spans") == [{"n": 2}]
    again.store.close()


def test_history_of_months_is_searched_in_few_pieces_and_known_whole(home: Home) -> None:
    spans = [a_call(f"c{n}", 3 * 3600 * n, trace_id=f"{n:032x}", received_at=us(9e6)) for n in range(300)]
    assert home.take(frame(spans=spans)).stored == 300
    again = home.take(frame(spans=[*reversed(spans), a_call("new", 5400, received_at=us(9e6))]))
    assert (again.stored, again.duplicate) == (1, 300)


@pytest.mark.parametrize(
    ("hours", "cuts"),
    [
        ([0, 0.1, 0.9], []),
        ([0, 0.5, 5, 5.5], [2]),
        ([0, 100, 100.1, 300], [1, 3]),
        ([float(10 * n) for n in range(50)], None),
    ],
)
def test_a_batch_is_searched_in_pieces_cut_at_its_widest_gaps(hours: list[float], cuts: list[int] | None) -> None:
    times = pl.Series("time", [us(3600 * hour) for hour in hours]).cast(pl.Datetime("us"))
    found = _after_gaps(times)
    assert len(found) < MAX_PIECES
    assert found == sorted(found)
    assert cuts is None or found == cuts


SPAN_IDS = st.lists(st.sampled_from([f"s{n}" for n in range(8)]), min_size=1, max_size=20)


@given(st.lists(SPAN_IDS, min_size=1, max_size=5))
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
def test_any_split_order_and_repetition_gives_the_same_store(batches: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for batch in batches:
            home.take(frame(spans=[a_call(name, int(name[1])) for name in batch]))
        sent = [name for batch in batches for name in batch]
        (ledger,) = home.rows(LEDGER)
        stored = {row["span_id"] for row in home.rows("SELECT span_id FROM spans")}
        home.store.close()
    assert stored == set(sent)
    assert (ledger["received"], ledger["stored"]) == (len(sent), len(stored))
    assert ledger["duplicate"] == len(sent) - len(stored)


PRICES = {"m-1": Price(input=2.0, output=8.0, cached_input=1.0), "plain": Price(input=1.0, output=1.0)}


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"input_tokens": 1_000_000, "output_tokens": 0}, 2.0),
        ({"input_tokens": 1_000_000, "cached_input_tokens": 500_000, "output_tokens": 1_000_000}, 9.5),
        ({"input_tokens": None, "output_tokens": 5}, None),
        ({"input_tokens": 10, "response_model": "unheard of"}, None),
        ({"input_tokens": 1_000_000, "response_model": "unheard of", "request_model": "plain"}, 1.0),
        ({"input_tokens": 10, "cost_usd": 7.0}, 7.0),
    ],
)
def test_a_price_fills_a_cost_that_nobody_sent(fields: dict[str, Any], cost: float | None) -> None:
    row = a_call("c1", **fields)
    spans = to_frame({name: [row.get(name)] for name in SPANS}, SPANS)
    assert priced(spans, PRICES, {})["cost_usd"].to_list() == [pytest.approx(cost) if cost is not None else None]
    assert isinstance(priced(spans, PRICES, {}), pl.DataFrame)
