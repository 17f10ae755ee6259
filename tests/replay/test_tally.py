"""What a replay counted a stretch at a time is what is counted of all of it at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.counted import Counted, counted
from monitor.replay.tally import Tally, by_stream

START = datetime(2026, 3, 2)  # noqa: DTZ001 - the store keeps naive UTC
BUCKET = timedelta(minutes=15)
COLUMNS: dict[str, pl.DataType] = {
    **dict.fromkeys(("app", "rule_id"), pl.String()),
    "bucket": pl.Datetime("us"),
    **dict.fromkeys(("probability", "n", "bad"), pl.Float64()),
}


def answers(seed: int, buckets: int) -> pl.DataFrame:
    """Counts of two apps under two rules, of which some buckets have none."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            app,
            rule,
            START + at * BUCKET,
            float(rng.choice([0.25, 1.0])),
            float(rng.integers(1, 9)),
            float(rng.integers(2)),
        )
        for at in range(buckets)
        for app in ("bank", "shop")
        for rule in ("A", "B")
        if rng.random() < 0.6
    ]
    return pl.DataFrame(rows, COLUMNS, orient="row")


def plain(found: list[Counted]) -> list[tuple[object, ...]]:
    return [(*o.stream, o.buckets.tolist(), o.n.tolist(), o.bad.tolist(), o.probability.tolist()) for o in found]


@given(st.integers(0, 1_000), st.lists(st.integers(0, 40), max_size=4), st.integers(0, 40), st.integers(0, 40))
def test_what_is_counted_in_stretches_is_what_is_counted_at_once(
    seed: int, cuts: list[int], low: int, high: int
) -> None:
    rows, tally = answers(seed, 40), Tally()
    edges = [START, *(START + cut * BUCKET for cut in sorted(cuts)), START + 40 * BUCKET]
    start, middle, end = START + low * BUCKET, START + 20 * BUCKET, START + high * BUCKET
    for a, b in pairwise(edges):
        tally.add(counted(rows.filter((pl.col("bucket") >= a) & (pl.col("bucket") < b))))
        tally.between(start, middle)  # what was answered before is not answered again
    here = counted(rows.filter((pl.col("bucket") >= start) & (pl.col("bucket") < end)))
    assert plain(by_stream([tally.between(start, middle), tally.between(max(start, middle), end)])) == plain(
        counted(
            rows.filter(
                (pl.col("bucket") >= start) & (pl.col("bucket") < middle)
                | (pl.col("bucket") >= max(start, middle)) & (pl.col("bucket") < end)
            )
        )
    )
    tally.keep(start, end)
    assert plain(by_stream([tally.between(START, edges[-1])])) == plain(here)


def test_answers_of_the_past_do_not_come_after_those_of_the_present() -> None:
    tally, early, late = (
        Tally(),
        counted(answers(1, 4)),
        counted(answers(1, 8).filter(pl.col("bucket") > START + 4 * BUCKET)),
    )
    tally.add(late)
    with pytest.raises(ValueError, match="after those of"):
        tally.add(early)
