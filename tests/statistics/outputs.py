"""Real outputs (AlpacaEval, CC-BY-NC-4.0: tests only) as 22 metrics, resampled into months of traffic."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import numpy as np
import polars as pl

from tests.support.shared import DATA

DAY = 500
START = datetime(2026, 1, 1)  # noqa: DTZ001 the store keeps naive UTC

_TEXT = pl.col("output")
_CHARS = _TEXT.str.len_chars().clip(lower_bound=1)


def _counts(pattern: str) -> pl.Expr:
    return _TEXT.str.count_matches(pattern).cast(pl.Float64)


def _flag(pattern: str) -> pl.Expr:
    return _TEXT.str.contains(pattern).cast(pl.Float64)


METRICS = {
    "output_chars": _TEXT.str.len_chars().cast(pl.Float64),
    "words": _counts(r"\S+"),
    "lines": _counts(r"\n"),
    "sentences": _counts(r"[.!?](\s|$)"),
    "questions": _counts(r"\?"),
    "commas": _counts(","),
    "digits_share": _counts(r"\d") / _CHARS,
    "upper_share": _counts(r"[A-Z]") / _CHARS,
    "punctuation_share": _counts(r"[^\w\s]") / _CHARS,
    "word_length": _CHARS / _counts(r"\S+").clip(lower_bound=1),
    "line_length": _CHARS / (_counts(r"\n") + 1),
    "the_share": _counts(r"\bthe\b") / _CHARS,
    "rule:bold": _flag(r"\*\*"),
    "rule:list": _flag(r"(?m)^(\d+\.|[-*]) "),
    "rule:code": _flag("```"),
    "rule:heading": _flag(r"(?m)^#+ "),
    "rule:sorry": _flag(r"(?i)\b(sorry|apologi)"),
    "rule:as an ai": _flag(r"(?i)as an ai"),
    "rule:url": _flag("https?://"),
    "rule:exclaims": _flag("!"),
    "rule:first person": _flag(r"\bI\b"),
    "rule:long": (_CHARS > 1500).cast(pl.Float64),
}


@cache
def features(model: str) -> pl.DataFrame:
    """The 22 metrics of every output of a model."""
    rows = pl.concat([pl.read_parquet(DATA / f"alpaca_outputs_{i}.parquet") for i in (1, 2)])
    metrics: pl.DataFrame = rows.filter(pl.col("model") == model).select(**METRICS)
    return metrics


def resampled(rng: np.random.Generator, model: str, n: int) -> pl.DataFrame:
    """So many outputs of a model, drawn with replacement."""
    rows: pl.DataFrame = features(model)
    drawn: pl.DataFrame = rows[rng.integers(0, rows.height, n).tolist()]
    return drawn


def as_traffic(rows: pl.DataFrame, start: int = 0) -> pl.DataFrame:
    """Turns of one app, 500 a day, the first at position `start`."""
    step = timedelta(days=1) / DAY
    times = [START + (start + i) * step for i in range(rows.height)]
    return rows.with_columns(
        unit_id=pl.format("t{}", pl.int_range(rows.height) + start),
        time=pl.Series(times, dtype=pl.Datetime("us")),
        app=pl.lit("assistant"),
    )
