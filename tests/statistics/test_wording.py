"""How answers are worded, on real ones: quiet where one model goes on, and the delay when it is swapped for another (LLMDrift, AlpacaEval).

Answers of a model are drawn from those it gave; AlpacaEval is CC-BY-NC-4.0 and stays in tests. A budget of one alarm a year over 21 streams,
200 turns a day, of which the stream of texts has a twelfth of the fifth that the other streams share.
"""

from __future__ import annotations

import os
from functools import cache
from itertools import chain

import numpy as np
import polars as pl
import pytest

from monitor.drift.ngrams import hashed
from monitor.drift.wording import Answers, Told, Watching, follow
from monitor.drift.wording_state import Wording
from monitor.stats.budget import alarm_threshold, band_z
from monitor.stats.ranks import Floats
from tests.statistics.llmdrift import answers
from tests.support.shared import DATA, needs_shared

pytestmark = [needs_shared, pytest.mark.statistics]

RUNS = int(os.environ.get("PLUMBLINE_RUNS", "10"))
REFERENCE, SINCE, STEP_MS = 2_000, 1_500, 432_000
STREAMS = 12 / 0.2  # as many as would have its part of the budget
WATCHING = Watching(band_z(STREAMS, 1, 1), alarm_threshold(200 * 365, STREAMS, 1))

SWAPS = (
    ("prime gpt-4", "prime gpt-4 june"),
    ("prime gpt-3.5", "prime gpt-3.5 june"),
    ("opinion gpt-4", "opinion gpt-4 june"),
    ("opinion gpt-3.5", "opinion gpt-3.5 june"),
    ("gpt4_0314", "gpt4_0613"),
    ("gpt-3.5-turbo-0613", "gpt-3.5-turbo-1106"),
    ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
    ("claude-2", "claude-2.1"),
    ("vicuna-7b", "vicuna-7b-v1.5"),
)


@cache
def words(source: str) -> Floats:
    task, _, rest = source.partition(" ")
    if rest:
        return hashed(answers(task, rest.split()[0])["june" in rest]["answer"].fill_null("").to_list())
    files = [pl.read_parquet(DATA / f"alpaca_outputs_{n}.parquet") for n in (1, 2)]
    return hashed(pl.concat(files).filter(pl.col("model") == source)["output"].fill_null("").to_list())


def watched(before: str, since: str, seed: int, n_since: int = SINCE) -> tuple[Told | None, int]:
    """What is told of a swap, and after how many answers since it."""
    rng = np.random.default_rng(seed)
    parts = [
        words(source)[rng.integers(0, len(words(source)), n)] for source, n in ((before, REFERENCE), (since, n_since))
    ]
    n = REFERENCE + n_since
    none = np.zeros(n, dtype=np.int64)
    given = Answers(np.arange(n) * STEP_MS, none, rng.integers(0, 2, n), none, np.concatenate(parts))
    told = follow(Wording(), given, [("m",)], WATCHING)
    return told, (told.at // STEP_MS - REFERENCE + 1 if told else 0)


def test_swaps_are_found_with_their_start() -> None:
    print(
        f"\n| from | to | found | median answers until then | start inside the interval |\n|---|---|---|---|---|  ({RUNS} seeds each)"
    )
    held = []
    for before, since in SWAPS:
        found = [
            (told, delay)
            for seed in range(RUNS)
            if (pair := watched(before, since, seed))[0]
            for told, delay in [pair]
            if told
        ]
        inside = [
            told.points.time[told.onset.low] <= REFERENCE * STEP_MS <= told.points.time[told.onset.high]
            for told, _ in found
        ]
        held += inside
        delay = f"{np.median([delay for _, delay in found]):.0f}" if found else "-"
        print(f"| {before} | {since} | {len(found)} of {RUNS} | {delay} | {sum(inside)} of {len(inside)} |")
        assert all(delay > 0 for _, delay in found)
        if since in {"prime gpt-4 june", "prime gpt-3.5 june", "opinion gpt-4 june", "gpt4_0613"}:
            assert len(found) == RUNS
    assert np.mean(held) >= 0.9


def test_a_model_that_goes_on_raises_nothing() -> None:
    sources = sorted(set(chain.from_iterable(SWAPS)))
    raised = [(source, seed) for source in sources for seed in range(RUNS) if watched(source, source, seed, 4_000)[0]]
    print(f"\n{len(sources) * RUNS} months of 6,000 answers of one model: {len(raised)} false alarms {raised}")
    assert len(raised) <= max(1, len(sources) * RUNS // 100)
