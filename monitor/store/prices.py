"""What calls cost that nobody told the cost of: by the prices of the house, else by the list that ships, and which it was.

The list (`list_prices.yaml`) is data with a source and the day it was looked at: a first answer, not a bill.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from monitor.config.schema import Price
from monitor.plain_yaml import plain

DATED: Final = re.compile(r"(?:[-@]\d{4}-?\d{2}-?\d{2}|-latest)$")
"""How makers date a model's name: `gpt-4o-2024-08-06`, `claude-sonnet-4-5-20250929`; its price is that of the name without it."""

NAMES: Final = ("response_model", "request_model")


class ListPrice(Price, frozen=True):
    """A price of the list, with where it was read."""

    source: str = ""


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list as it ships."""

    checked_on: date
    models: dict[str, ListPrice]


@cache
def shipped() -> PriceList:
    """Return the list, read once."""
    text = (Path(__file__).parent / "list_prices.yaml").read_text("utf-8")
    return msgspec.convert(plain(text), PriceList)


def priced(spans: pl.DataFrame, own: Mapping[str, Price], listed: Mapping[str, Price]) -> pl.DataFrame:
    """Fill `cost_usd` of spans whose model has a price and whose tokens are known, and say in `cost_source` whose price it is.

    A cost that was sent stays. The model that answered comes before the one that was asked for, `own` before `listed`.
    """
    sent = pl.when(pl.col("cost_usd").is_not_null()).then(pl.coalesce("cost_source", pl.lit("sent")))
    told = spans.with_columns(cost_source=sent)
    models = {model for name in NAMES for model in spans[name].unique() if model is not None}
    for prices, whose in (
        ({model: own[model] for model in models if model in own}, "yours"),
        ({model: price for model in models if (price := _listed(model, listed)) is not None}, "list"),
    ):
        if prices:
            told = _by(told, prices, whose)
    return told


def _listed(model: str, listed: Mapping[str, Price]) -> Price | None:
    return listed.get(model) or listed.get(DATED.sub("", model))


def price_of(model: str, own: Mapping[str, Price], listed: Mapping[str, Price]) -> Price | None:
    """Return what a model costs by the prices of the house, else by the list, None where neither says."""
    return own.get(model) or _listed(model, listed)


def _by(spans: pl.DataFrame, prices: Mapping[str, Price], whose: str) -> pl.DataFrame:
    model = pl.coalesce(*(pl.when(pl.col(name).is_in(list(prices))).then(pl.col(name)) for name in NAMES))

    def per_token(rates: dict[str, float]) -> Any:
        return model.replace_strict(
            {name: rate / 1e6 for name, rate in rates.items()}, default=None, return_dtype=pl.Float64
        )

    cached, written = pl.col("cached_input_tokens").fill_null(0), pl.col("cache_write_tokens").fill_null(0)
    cost = (
        (pl.col("input_tokens") - cached - written) * per_token({n: p.input for n, p in prices.items()})
        + cached * per_token({n: p.input if p.cached_input is None else p.cached_input for n, p in prices.items()})
        + written * per_token({n: p.input if p.cache_write is None else p.cache_write for n, p in prices.items()})
        + pl.col("output_tokens").fill_null(0) * per_token({n: p.output for n, p in prices.items()})
    )
    fresh = pl.col("cost_usd").is_null() & cost.is_not_null()
    return spans.with_columns(
        cost_usd=pl.coalesce("cost_usd", cost),
        cost_source=pl.when(fresh).then(pl.lit(whose)).otherwise(pl.col("cost_source")),
    )
