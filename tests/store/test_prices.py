"""What a call costs when nobody told: by the prices of the house, else by the dated list that ships, marked as such."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from monitor.config.schema import Price
from monitor.store.prices import priced, shipped

LISTED = {"gpt-x": Price(input=2.0, output=8.0, cached_input=0.5, cache_write=3.0)}
CALL: dict[str, Any] = {
    "request_model": "gpt-x",
    "response_model": None,
    "input_tokens": 1_000_000,
    "output_tokens": 500_000,
    "cached_input_tokens": None,
    "cache_write_tokens": None,
    "cost_usd": None,
    "cost_source": None,
}
SCHEMA = dict.fromkeys(("request_model", "response_model", "cost_source"), pl.String) | dict.fromkeys(
    ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens"), pl.Int64
)


def cost(own: dict[str, Price] | None = None, **changes: Any) -> tuple[float | None, str | None]:
    frame = pl.DataFrame([CALL | changes], schema=SCHEMA | {"cost_usd": pl.Float64})
    (row,) = priced(frame, own or {}, LISTED).rows(named=True)
    return row["cost_usd"], row["cost_source"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (6.0, "list")),
        ({"response_model": "gpt-x-2026-01-31"}, (6.0, "list")),
        ({"response_model": "gpt-x-20260131"}, (6.0, "list")),
        ({"request_model": "gpt-x-mini"}, (None, None)),
        ({"request_model": None}, (None, None)),
        ({"cost_usd": 0.25}, (0.25, "sent")),
        ({"input_tokens": None}, (None, None)),
        ({"cached_input_tokens": 400_000, "cache_write_tokens": 100_000}, (0.5 * 2 + 0.4 * 0.5 + 0.1 * 3 + 4, "list")),
    ],
)
def test_a_cost_says_where_it_is_from(changes: dict[str, Any], expected: tuple[float | None, str | None]) -> None:
    found = cost(**changes)
    assert found[1] == expected[1]
    assert found[0] == pytest.approx(expected[0])


def test_prices_of_the_house_win() -> None:
    assert cost({"gpt-x": Price(input=1.0, output=0.0)}) == (1.0, "yours")
    assert cost({"other": Price(input=1.0, output=0.0)}) == (6.0, "list")


def test_the_list_that_ships_is_dated_and_says_its_sources() -> None:
    found = shipped()
    assert found.checked_on >= date(2026, 11, 1)
    assert all(price.source and price.input > 0 and price.output >= 0 for price in found.models.values())
    assert all((price.cached_input or 0) < price.input for price in found.models.values())
