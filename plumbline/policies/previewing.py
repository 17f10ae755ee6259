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
from monitor.store.reads import stored_turns, turns_at
from monitor.store.units import units_of
from plumbline.api.call import Progress

BATCH: Final = 2_000
"""Turns that are read and graded at a time: bounds memory, and how long a request to stop waits."""

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

    Of more than `most` turns, so many are drawn. `progress` may raise to stop.
    """
    now = clock.now()
    end = naive_utc(now) + timedelta(microseconds=1)
    start = end - last
    tried = trial(own, edited)
    seqs = stored_turns(store, start, end, most, SEED)
    every = len(seqs) if most is None else len(stored_turns(store, start, end, None, SEED))
    graded = list(_graded(store, tried, seqs, start, Tools(clock), progress))
    found = outcomes(tried, graded, last, now.date())
    return {"rules": [one.plain() for one in found], "turns": len(seqs), "of": every}


def _graded(
    store: Store, tried: Trial, seqs: Sequence[int], start: datetime, tools: Tools, progress: Progress
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    for first in range(0, len(seqs), BATCH):
        progress(first / len(seqs), f"{first} of {len(seqs)} answers")
        turns = turns_at(store, seqs[first : first + BATCH], start)
        yield tried.grade(units_of(store, turns, [*tried.same, *tried.old, *tried.new]), tools)
