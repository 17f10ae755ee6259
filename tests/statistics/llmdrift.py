"""LLMDrift (Apache-2.0, lchen001/LLMDrift) as streams of turns: GPT-4 and GPT-3.5 in March, then in June 2023."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from tests.support.shared import DATA

FAMILIES = ("gpt-4", "gpt-3.5")
START = datetime(2023, 3, 1)  # noqa: DTZ001 the store keeps naive UTC
STEP = timedelta(minutes=20)


def answers(task: str, family: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """March and June answers of a family, in one seeded order of the items, with `good` (0/1) and `n_chars`."""
    file = {"prime": "llmdrift_prime", "opinion": "llmdrift_opinionqa", "sensitive": "llmdrift_sensitiveq"}[task]
    rows = pl.read_parquet(DATA / f"{file}.parquet").filter(pl.col("family") == family)
    rows = rows.with_columns(good=SCORES[task].fill_null(value=False).cast(pl.Float64))
    march, june = (rows.filter(pl.col("period") == period) for period in ("2023-03", "2023-06"))
    march, june = (rows.with_columns(time_asked=pl.int_range(pl.len()).over("item_id")) for rows in (march, june))
    asked = ["item_id", "time_asked"]  # a few items were asked more than once
    items = march.select(asked).sample(fraction=1, shuffle=True, seed=7)
    return items.join(march, on=asked, maintain_order="left"), items.join(june, on=asked, maintain_order="left")


_LAST_WORD = pl.col("answer").str.to_lowercase().str.extract_all(r"\b(yes|no)\b").list.last()

SCORES = {
    "prime": pl.col("reference").cast(pl.String).str.to_lowercase() == _LAST_WORD,
    "opinion": pl.col("answer").str.contains(r"^\s*\(?[A-Z]\)") & ~pl.col("answer").str.contains("(?i)refused"),
    "sensitive": pl.col("answer").str.len_chars() > 0,
}


def as_turns(*parts: pl.DataFrame, start: datetime = START) -> pl.DataFrame:
    """One turn every twenty minutes, the parts one after the other."""
    rows = pl.concat([part.select("model", "good", "n_chars") for part in parts])
    return pl.DataFrame(
        {
            "unit_id": [f"t{i:05d}" for i in range(rows.height)],
            "time": [start + i * STEP for i in range(rows.height)],
            "app": ["qa"] * rows.height,
            "model": rows["model"],
            "output_chars": rows["n_chars"].cast(pl.Float64),
            "rule:answers": 1.0 - rows["good"],
        },
        schema_overrides={"time": pl.Datetime("us")},
    )


def split(rows: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two random halves of the items."""
    order = np.random.default_rng(seed).permutation(rows.height)
    half = rows.height // 2
    return rows[order[:half].tolist()], rows[order[half:].tolist()]
