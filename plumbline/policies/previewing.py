"""A policy that is not in force yet, held against stored traffic: read, graded and counted in batches, nothing stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.clock import Clock, naive_utc
from monitor.graders.grader import Tools
from monitor.policy.preview import Trial, outcomes, trial
from monitor.policy.schema import Policy
from monitor.store.opening import Store
from monitor.store.reads import stored_turns
from monitor.store.turns import turns_at
from monitor.store.units import units_of
from plumbline.api.call import Progress

BATCH: Final = 2_000
"""Turns that are read and graded at a time: bounds memory, and how long a request to stop waits."""

FIRST: Final = 250
"""Turns that a draw begins with, whatever the machine; as many again as there were follow while there is time."""

PATIENCE_S: Final = 4.0
"""A draw is not made larger when what it took by now leaves less than half of it: the first answer comes within about twice that."""

SEED: Final = 1
"""Draws of the same traffic are the same."""


def preview(
    store: Store,
    own: Sequence[Policy],
    edited: Policy,
    last: timedelta,
    most: int | None,
    clock: Clock,
    progress: Progress,
) -> dict[str, Any]:
    """Return what `edited` would have said of the turns of the last time, beside the policies in force (`own` among them).

    Of more than `most` turns, so many are drawn; of a draw of up to `BATCH` as many as time allows. `progress` may raise to stop.
    """
    now = clock.now()
    end = naive_utc(now) + timedelta(microseconds=1)
    start = end - last
    tried = trial(own, edited)
    seqs = stored_turns(store, start, end, most, SEED)
    every = len(seqs) if most is None else len(stored_turns(store, start, end, None, SEED))
    sizes = _steady(len(seqs)) if len(seqs) in (0, every) or len(seqs) > BATCH else _growing(clock, len(seqs))
    graded = list(_graded(store, tried, seqs, start, Tools(clock), progress, sizes))
    found = outcomes(tried, [part for part, _ in graded], last, now.date())
    return {"rules": [one.plain() for one in found], "turns": sum(n for _, n in graded), "of": every}


def _steady(n: int) -> Iterator[int]:
    yield from (BATCH for _ in range(0, n, BATCH))


def _growing(clock: Clock, n: int) -> Iterator[int]:
    """Yield how many turns to grade next: a draw doubles until it is `n`, or time runs out."""
    began, done, size = clock.monotonic(), 0, FIRST
    while done < n and 2 * (clock.monotonic() - began) <= PATIENCE_S:
        yield size
        done += size
        size = min(BATCH, done)


def _graded(
    store: Store,
    tried: Trial,
    seqs: Sequence[int],
    start: datetime,
    tools: Tools,
    progress: Progress,
    sizes: Iterator[int],
) -> Iterator[tuple[tuple[pl.DataFrame, pl.DataFrame], int]]:
    """Yield the verdicts of part after part of the turns `seqs`, and of how many turns they are."""
    first = 0
    for size in sizes:
        progress(first / len(seqs), f"{first} of {len(seqs)} answers")
        turns = turns_at(store, seqs[first : first + size], start)
        yield (tried.grade(units_of(store, turns, [*tried.same, *tried.old, *tried.new]), tools), len(turns))
        first += size
