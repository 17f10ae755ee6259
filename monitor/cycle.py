"""The cycle: what Plumbline does with new traffic, as one list of steps read top to bottom.

Each data step reads what is new since its own mark, decides with a pure function, and writes the result together with
the mark in one transaction. A step that is killed is simply done again; none sees a turn twice. The same list runs
live (new turns as they finish) and in replay (stored turns fed in the order of their time).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import polars as pl

from monitor.clock import Clock, aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.drift import decide_drift
from monitor.estimates import estimate_rates
from monitor.experiments import compare_arms
from monitor.graders.cascade import RuleSet, grade_turns
from monitor.graders.grader import Tools
from monitor.model import dimensions
from monitor.model.values import Finding, Signal
from monitor.sampling import draw_samples
from monitor.signals import read_signals
from monitor.store import reads
from monitor.store.marks import set_mark
from monitor.store.opening import Store, Transaction
from monitor.store.reads import Window
from monitor.store.replayed import forget_replayed

BATCH: Final = 5_000
"""Turns per pass: bounds memory, and lets the loader in between two passes."""


class Alerting(Protocol):
    """What the cycle hands its signals to: rules, states and outbox, in one transaction of the control state."""

    def observe(self, signals: Sequence[Signal], now: datetime) -> int: ...


@dataclass(frozen=True)
class House:
    """Everything a cycle works with. `alerting` is None where nobody is to be told."""

    store: Store
    settings: Settings
    policies: Sequence[RuleSet]
    clock: Clock
    alerting: Alerting | None


@dataclass(frozen=True)
class Step:
    """One data step: from new turns to something decided. `run` returns how many things it decided."""

    name: str
    run: Callable[[House, Window], int]


def sample(house: House, window: Window) -> int:
    """Draw which new turns are graded; the probability of each draw is stored with it."""
    samples = draw_samples(reads.new_turns(house.store, window), house.settings.sampling, house.clock.now())
    with _marked(house.store, Mark("sample", seq=window.upto)) as txn:
        txn.insert("samples", samples)
    return len(samples)


def grade(house: House, window: Window) -> int:
    """Grade the sampled turns against every policy in scope."""
    grades = grade_turns(house.policies, reads.sampled_turns(house.store, window), Tools(house.clock))
    with _marked(house.store, Mark("grade", seq=window.upto)) as txn:
        txn.insert("grades", grades)
    return len(grades)


def estimate(house: House, window: Window) -> int:
    """Publish rates with intervals for every window that got new turns."""
    span = parse_duration(house.settings.estimates.window)
    start, end = _aligned(window.start, span), _aligned(window.end, span) + span
    graded = reads.graded_units(house.store, start, end)
    estimates = estimate_rates(graded, reads.unit_counts(house.store, start, end), house.settings.estimates)
    with _marked(house.store, Mark("estimate", seq=window.upto)) as txn:
        txn.execute("DELETE FROM base.estimates WHERE window_start >= ? AND window_start < ?", [start, end])
        txn.insert("estimates", estimates)
    return len(estimates)


def track_drift(house: House, window: Window) -> int:
    """Feed every stream with its new values; a change that the false-alarm budget allows to report is a finding."""
    return _drift(house, reads.turn_metrics(house.store, window), Mark("drift", seq=window.upto))


def compare(house: House, window: Window) -> int:
    """Add the new turns to the per-user sums of their experiments and read every experiment again."""
    return _compare(house, reads.turn_metrics(house.store, window), Mark("compare", seq=window.upto))


STEPS: Final = (
    Step("sample", sample),
    Step("grade", grade),
    Step("estimate", estimate),
    Step("drift", track_drift),
    Step("compare", compare),
)


def run_cycle(house: House) -> dict[str, int]:
    """Run all steps over everything that is new, then look at the alert rules once; return what was decided, by step.

    Finishing traces and rolling them up happen before this, when the loader brings them (`plumbline.agent`).
    """
    decided = dict.fromkeys([*(step.name for step in STEPS), *SCORE_STEPS], 0)
    while (passed := _pass(house)) is not None:
        for name, count in passed.items():
            decided[name] += count
    for name, feed in SCORE_STEPS.items():
        decided[name] += _late_scores(house, name, feed)
    decided["compare:exposures"] = reread(house)
    decided["alerts"] = watch(house)
    return decided


def _pass(house: House) -> dict[str, int] | None:
    """Run the steps over at most `BATCH` turns; None when nothing is new. A step that is ahead of the others waits."""
    marks = reads.marks(house.store)
    done = {step.name: marks.get(step.name, (0, None))[0] for step in STEPS}
    first = min(done.values())
    upto = reads.last_turn(house.store, first, BATCH)
    if upto == first:
        return None
    windows = {after: reads.window(house.store, after, upto) for after in set(done.values())}
    return {step.name: step.run(house, window) for step in STEPS if (window := windows[done[step.name]])}


def watch(house: House) -> int:
    """Hold the alert rules against the signals as of now; silence is a signal too, so this runs without new turns."""
    now = house.clock.now()
    signals = read_signals(house.store, house.settings.estimates, now)
    return house.alerting.observe(signals, now) if house.alerting else 0


@dataclass(frozen=True)
class Mark:
    """How far a step has come: in turns (`seq`) or, for scores, in time of receipt."""

    step: str
    seq: int | None = None
    time: datetime | None = None


@contextmanager
def _marked(store: Store, mark: Mark) -> Iterator[Transaction]:
    """One transaction for what a step wrote and for the mark that says so."""
    with store.transaction() as txn:
        set_mark(txn, mark.step, mark.seq, mark.time)
        yield txn


def _drift(house: House, metrics: pl.DataFrame, mark: Mark) -> int:
    states = dict(house.store.frame("SELECT stream, state FROM base.trackers").iter_rows())
    outcome = decide_drift(states, metrics, house.settings.drift, _data_time(metrics))
    with _marked(house.store, mark) as txn:
        txn.execute("DELETE FROM base.trackers WHERE list_contains(?, stream)", [list(outcome.states)])
        at = naive_utc(_data_time(metrics))
        txn.insert("trackers", [{"stream": s, "state": v, "updated_at": at} for s, v in outcome.states.items()])
        forget_replayed(txn, outcome.findings)
        txn.insert("findings", [finding_row(finding) for finding in outcome.findings])
    return len(outcome.findings)


def _compare(house: House, metrics: pl.DataFrame, mark: Mark) -> int:
    added = unit_sums(metrics)
    with _marked(house.store, mark) as txn:
        if added.is_empty():
            return 0
        merged = pl.concat([reads.arm_units(txn), added]).group_by("experiment", "arm", "metric", "unit").sum()
        txn.execute("DELETE FROM base.arm_units")
        txn.insert("arm_units", merged)
        comparisons = compare_arms(merged, house.settings.experiments, _data_time(metrics))
        txn.execute("DELETE FROM base.comparisons")
        txn.insert("comparisons", comparisons)
    return len(comparisons)


def _late_scores(house: House, name: str, feed: Callable[[House, pl.DataFrame, Mark], int]) -> int:
    """Feed scores that arrived since the last cycle: feedback comes long after the turn it is about."""
    after = reads.marks(house.store).get(name, (0, None))[1] or datetime(1970, 1, 1)  # noqa: DTZ001 - as stored
    upto = reads.last_score(house.store, after)
    if upto is None:
        return 0
    scored = reads.new_scores(house.store, after, upto)
    mark = Mark(name, time=upto)
    if scored.is_empty():
        with _marked(house.store, mark):
            return 0
    return feed(house, scored, mark)


SCORE_STEPS: Final = {"drift:scores": _drift, "compare:scores": _compare}


def reread(house: House) -> int:
    """Sum up again, from all turns, the experiments whose turns got another arm after they were compared."""
    names = reads.rereads(house.store)
    marks = reads.marks(house.store)
    upto, scored = marks.get("compare", (0, None))[0], marks.get("compare:scores", (0, None))[1]
    whole = reads.window(house.store, 0, upto) if names else None
    if whole is None:
        return 0
    metrics = reads.turn_metrics(house.store, whole)
    parts = [metrics] if scored is None else [metrics, reads.new_scores(house.store, datetime(1970, 1, 1), scored)]  # noqa: DTZ001 - as stored
    sums = pl.concat([unit_sums(part.filter(pl.col("experiment").is_in(names))) for part in parts])
    with house.store.transaction() as txn:
        kept = reads.arm_units(txn).filter(~pl.col("experiment").is_in(names))
        merged = pl.concat([kept, sums]).group_by("experiment", "arm", "metric", "unit").sum()
        comparisons = compare_arms(merged, house.settings.experiments, _data_time(metrics))
        for table, rows in (("arm_units", merged), ("comparisons", comparisons)):
            txn.execute(f"DELETE FROM base.{table}")  # noqa: S608 - names of our own tables
            txn.insert(table, rows)
        txn.execute("DELETE FROM base.rereads WHERE list_contains(?, experiment)", [names])
    return len(comparisons)


def unit_sums(metrics: pl.DataFrame) -> pl.DataFrame:
    """Return per experiment, arm, metric and unit (user, else session, else turn) the count and sum of known values."""
    columns = [name for name in metrics.columns if name not in {"unit_id", "time", *dimensions.NAMES}]
    in_arm = metrics.filter(pl.col("experiment").is_not_null() & pl.col("variant").is_not_null())
    return (
        in_arm.with_columns(unit=pl.coalesce("user_id", "session_id", "unit_id"), arm=pl.col("variant"))
        .unpivot(columns, index=["experiment", "arm", "unit"], variable_name="metric", value_name="value")
        .drop_nulls("value")
        .group_by("experiment", "arm", "metric", "unit")
        .agg(n=pl.len().cast(pl.Int64), total=pl.col("value").cast(pl.Float64).sum())
    )


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return a finding as a row of the store."""
    times = {name: naive_utc(getattr(finding, name)) for name in ("detected_at", "since", "since_low", "since_high")}
    return {**asdict(finding), **times, "examples": json.dumps(finding.examples), "origin": "live"}


def _data_time(metrics: pl.DataFrame) -> datetime:
    """Time of the newest row: what "now" means for checks of history that arrives late or all at once."""
    newest: datetime = metrics["time"].max()  # type: ignore[assignment]  # a time column has times
    return aware_utc(newest)


def _aligned(instant: datetime, span: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001 the store keeps naive UTC
    return instant - (instant - epoch) % span
