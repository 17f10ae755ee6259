"""A stretch of steps, read at once: its turns, what is drawn of them and graded, and what streams and arms are fed with.

All of it is cut by steps afterwards, so that each step sees what it would have seen then: a grade bears the time of its step, and
nothing that is given to a step comes from a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl

from monitor.asking import grade_and_draw
from monitor.clock import aware_utc, naive_utc
from monitor.cycle import BATCH
from monitor.errors import StoreError
from monitor.model import dimensions
from monitor.model.values import Sample, Signal, ToldChange
from monitor.recent import known_plans
from monitor.replay.plan import TURNS, Stretch
from monitor.sampling import Plan
from monitor.steps import House, drift_metrics, graded_turns, plans_for
from monitor.store import outcomes, reads, replayed, verdicts
from monitor.store.graded import graded_units
from monitor.store.opening import Store
from monitor.store.reads import BEGINNING, Window
from monitor.verdict_columns import Told, told
from monitor.weighing import weighted
from monitor.workload import operating_at


@dataclass(frozen=True)
class Step:
    """One look. `fed` are the new turns in batches as the live cycle takes them: what streams get of each, and what arms get.

    `scores` are those that came, a row a turn; `start` and `end` are the times of the first and the last new turn.
    """

    moment: datetime
    turns: int
    fed: list[tuple[pl.DataFrame, pl.DataFrame]]
    scores: list[pl.DataFrame]
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Read:
    """A stretch as it was read."""

    steps: list[Step]
    turns: pl.DataFrame
    said: Told
    violations: pl.DataFrame
    changes: list[ToldChange]
    operations: Mapping[datetime, list[Signal]]
    reweighted: bool


def read_stretch(main: Store, house: House, stretch: Stretch, fed: int) -> Read:
    """Feed a stretch into the scratch store of `house`, which holds `fed` turns, and grade it."""
    scratch, first, last = house.store, naive_utc(stretch.before), naive_utc(stretch.moments[-1])
    replayed.feed(main, scratch, fed, first, last)
    turns = replayed.turns_fed(scratch, fed)
    window = reads.window(scratch, fed, fed + turns.height) if turns.height else None
    plans = len(known_plans(scratch))
    if window is not None:
        _draw_and_grade(house, stretch, window)
    now_plans = known_plans(scratch)
    steps = list(_steps(house, stretch, turns, window))
    replayed.forget_texts(scratch)
    return Read(
        steps=steps,
        turns=turns,
        said=_said(house, window, now_plans),
        violations=replayed.violations_fed(scratch, *((window.start, window.end) if window else (first, first))),
        changes=outcomes.told_changes(scratch, BEGINNING),
        operations=operating_at(scratch, stretch.moments),
        reweighted=0 < plans < len(now_plans),
    )


def _draw_and_grade(house: House, stretch: Stretch, window: Window) -> None:
    """Draw turns and grade those, each as of its step; texts are in memory of some at a time."""
    store, last = house.store, {plan.name: plan for _, plan in known_plans(house.store)}
    plans, turns = plans_for(house, window), reads.new_turns(house.store, window)
    with store.transaction() as txn:
        for plan in plans:
            txn.insert("samples", _drawn(plan, turns, stretch))
            if last.get(plan.name) != plan:
                verdicts.declare_plan(txn, window.after + 1, msgspec.json.encode(plan).decode())
    for after in range(window.after, window.upto, TURNS):
        piece = reads.window(store, after, min(after + TURNS, window.upto))
        if piece is not None:
            said = grade_and_draw(house, house.policies, graded_turns(house, piece), piece.end)
            with store.transaction() as txn:
                txn.insert("grades", said.grades.with_columns(graded_at=_step_of(stretch, said.grades["time"])))
                said.keep_draws(txn)


def _drawn(plan: Plan, turns: pl.DataFrame, stretch: Stretch) -> list[Sample]:
    drawn = plan.draw(turns, stretch.moments[-1])
    times = pl.Series([naive_utc(one.time) for one in drawn], dtype=pl.Datetime("us"))
    return [replace(one, drawn_at=aware_utc(at)) for one, at in zip(drawn, _step_of(stretch, times), strict=True)]


def _step_of(stretch: Stretch, times: pl.Series) -> pl.Series:
    """The step that each time falls into, by its end."""
    moments = np.asarray([naive_utc(moment) for moment in stretch.moments], dtype="datetime64[us]")
    at = np.searchsorted(moments, times.cast(pl.Datetime("us")).to_numpy())
    return pl.Series(moments[at], dtype=pl.Datetime("us"))


def _said(house: House, window: Window | None, plans: list[tuple[int, Plan]]) -> Told:
    """What was said of the turns of a stretch."""
    start, end = (window.start, window.end) if window else (BEGINNING, BEGINNING)
    return said_between(house, start, end, plans)


def said_between(house: House, start: datetime, end: datetime, plans: list[tuple[int, Plan]]) -> Told:
    """Return what was said of the turns with start <= time <= end."""
    columns = [name for name in house.settings.estimates.segments if name in dimensions.NAMES]
    graded = graded_units(house.store, start, end + replayed.TICK)
    return told(weighted(graded, plans), columns)


def _steps(house: House, stretch: Stretch, turns: pl.DataFrame, window: Window | None) -> Iterator[Step]:
    """Cut what was measured by steps."""
    scores = replayed.scores_heard(house.store)
    came = _step_of(stretch, scores["came"]) if scores.height else scores["came"]
    times, moments = turns["time"].to_numpy(), [naive_utc(moment) for moment in stretch.moments]
    ends = np.searchsorted(times, np.asarray(moments, dtype="datetime64[us]"), side="right").tolist()
    measured = _measured(house, window)
    for moment, naive, (a, b) in zip(stretch.moments, moments, pairwise([0, *ends]), strict=True):
        yield Step(
            moment=moment,
            turns=b - a,
            fed=[measured(at, min(at + BATCH, b)) for at in range(a, b, BATCH)],
            scores=list(_by_turn(scores.filter(came == naive))) if scores.height else [],
            start=turns["time"][a] if b > a else None,
            end=turns["time"][b - 1] if b > a else None,
        )


Measured = tuple[pl.DataFrame, pl.DataFrame]


def _measured(house: House, window: Window | None) -> Callable[[int, int], Measured]:
    """Return what gives, of the turns of a stretch from one position to another, what streams are fed with, and arms.

    Few turns are measured once; of many, only those that are asked for: languages are told of some of each batch.
    """
    whole = _measures(house, window) if window and window.upto - window.after <= TURNS else None

    def measured(start: int, end: int) -> Measured:
        first = window.after if window else 0
        streams, arms = (rows[start:end] for rows in whole) if whole else _part(house, first + start, first + end)
        return _known(streams), arms

    return measured


def _measures(house: House, window: Window) -> Measured:
    return drift_metrics(house, window), house.measured.of(house.store, window).metrics()


def _part(house: House, after: int, upto: int) -> Measured:
    window = reads.window(house.store, after, upto)
    if window is None:
        raise StoreError(f"turns {after} to {upto} of a replay are gone")
    return _measures(house, window)


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the columns of which nothing is known in these rows: a rule that was not asked then has none."""
    nothing = {name for name, nulls in rows.null_count().row(0, named=True).items() if nulls == rows.height}
    return rows[[name for name in rows.columns if name in dimensions.NAMES or name not in nothing]]


def _by_turn(scores: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield scores a row a turn, as many as the live cycle takes at once."""
    for at in range(0, scores.height, BATCH):
        part = scores[at : at + BATCH]
        long = part.group_by("unit_id", "metric").agg(pl.col("value").mean())
        keys = part.select("unit_id", "time", *dimensions.NAMES).unique("unit_id", keep="first").sort("time", "unit_id")
        yield reads.widen(keys, long)
