"""What each step of the cycle does: reads what is new, decides with a pure function, writes the result with its mark.

Result and mark are one transaction: a step that is killed is simply done again, and none sees a turn twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
import polars as pl

from monitor.clock import Clock, aware_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.drift import decide_drift
from monitor.estimates import estimate_rates
from monitor.experiments import compare_arms
from monitor.graders.cascade import grade_turns
from monitor.graders.grader import Tools
from monitor.health import Guarding, Health
from monitor.model import dimensions
from monitor.model.values import Estimate, Signal
from monitor.policy.watching import InForce
from monitor.sampling import draw_samples, plan_of
from monitor.signals import known_plans, read_signals, weighted_units
from monitor.store import outcomes, reads, verdicts
from monitor.store.marks import set_mark
from monitor.store.opening import Store, Transaction
from monitor.store.reads import Window


class Alerting(Protocol):
    """What the cycle hands its signals to: rules, states and outbox, in one transaction of the control state."""

    def observe(self, signals: Sequence[Signal], now: datetime) -> int: ...


class Labels(Protocol):
    """Where people's verdicts are durable."""

    def after(self, seq: int) -> Sequence[Mapping[str, Any]]:
        """Return labels with a number above `seq`, oldest first: some, or none where there are no more."""


LABELS: Final = "labels"
"""The name of the mark that says how far labels are taken in."""


@dataclass(frozen=True)
class House:
    """Everything a cycle works with. `alerting` is None where nobody is to be told, `labels` where nobody says anything.

    `health` is None where a failure must end the whole, as in a replay, whose answer would be wrong else. `stopping` says that
    the process ends: the batch that is worked on is the last one.
    """

    store: Store
    settings: Settings
    policies: Sequence[InForce]
    clock: Clock
    alerting: Alerting | None
    health: Health | None = None
    stopping: Callable[[], bool] = lambda: False
    labels: Labels | None = None

    @property
    def guard(self) -> Guarding:
        """What the work of one stream, experiment or step is done in."""
        return nullcontext if self.health is None else self.health.guard


@dataclass(frozen=True)
class Mark:
    """How far a step has come: in turns (`seq`) or, for scores, in time of receipt."""

    step: str
    seq: int | None = None
    time: datetime | None = None


@dataclass(frozen=True)
class TurnBatch:
    """Turns that are new to a step, and the mark that says so once they are done."""

    window: Window
    mark: Mark


@dataclass(frozen=True)
class ScoreBatch:
    """Scores that are new to a step, a row a turn, and the mark that says so once they are done."""

    metrics: pl.DataFrame
    mark: Mark


@contextmanager
def marked(store: Store, mark: Mark) -> Iterator[Transaction]:
    """One transaction for what a step wrote and for the mark that says so."""
    with store.transaction() as txn:
        set_mark(txn, mark.step, mark.seq, mark.time)
        yield txn


def sample(house: House, batch: TurnBatch) -> int:
    """Draw which new turns are graded; the probability of each draw is stored with it."""
    samples = draw_samples(reads.new_turns(house.store, batch.window), house.settings.sampling, house.clock.now())
    plan = plan_of(house.settings.sampling)
    known = [declared for _, declared in known_plans(house.store) if declared.name == plan.name]
    with marked(house.store, batch.mark) as txn:
        txn.insert("samples", samples)
        if not known or known[-1] != plan:
            verdicts.declare_plan(txn, batch.window.after + 1, msgspec.json.encode(plan).decode())
    return len(samples)


def grade(house: House, batch: TurnBatch) -> int:
    """Grade the sampled turns against every policy in scope."""
    turns = reads.sampled_turns(house.store, batch.window)
    grades = grade_turns(house.policies, turns, Tools(house.clock), house.guard)
    _count_broken(house, grades)
    with marked(house.store, batch.mark) as txn:
        txn.insert("grades", grades)
    return len(grades)


def _count_broken(house: House, grades: pl.DataFrame) -> None:
    """Say of each rule whether its graders broke on every text of a batch: such grades look like any that is not there."""
    if house.health is None:
        return
    broke, judged = pl.col("reason").str.starts_with("error: "), pl.col("verdict").is_in(["violates", "complies"])
    by_rule = grades.group_by("rule_id", maintain_order=True)
    for rule, all_broke in by_rule.agg(broke.any() & ~judged.any()).iter_rows():
        if all_broke:
            house.health.failed(f"graders of rule {rule}", RuntimeError("no answer of a batch could be graded"))
        else:
            house.health.worked(f"graders of rule {rule}")


def estimate(house: House, batch: TurnBatch) -> int:
    """Publish rates with intervals for every window that got new turns."""
    span = parse_duration(house.settings.estimates.window)
    start, end = _aligned(batch.window.start, span), _aligned(batch.window.end, span) + span
    estimates = _estimates(house, start, end)
    with marked(house.store, batch.mark) as txn:
        outcomes.replace_estimates(txn, start, end, estimates)
    return len(estimates)


def estimate_again(house: House, _: None = None) -> int:
    """Make the rates of every window anew that got a verdict after they were published."""
    times = verdicts.stale_times(house.store)
    if not times:
        return 0
    span = parse_duration(house.settings.estimates.window)
    starts = dict.fromkeys(_aligned(time, span) for time in times)
    made = {start: _estimates(house, start, start + span) for start in starts}
    with house.store.transaction() as txn:
        for start, estimates in made.items():
            outcomes.replace_estimates(txn, start, start + span, estimates)
        verdicts.forget_stale(txn, times)
    return sum(len(estimates) for estimates in made.values())


def _estimates(house: House, start: datetime, end: datetime) -> list[Estimate]:
    graded = weighted_units(house.store, start, end)
    return estimate_rates(graded, reads.unit_counts(house.store, start, end), house.settings.estimates)


def take_labels(house: House, _: None = None) -> int:
    """Bring what people said since the last cycle from the control state into the store; a store that is new gets all of it."""
    taken = 0
    while house.labels is not None:
        known, _time = reads.marks(house.store).get(LABELS, (0, None))
        labels = house.labels.after(known)
        if not labels:
            break
        with marked(house.store, Mark(LABELS, seq=labels[-1]["seq"])) as txn:
            verdicts.add_labels(txn, labels)
        taken += len(labels)
    return taken


def track_turns(house: House, batch: TurnBatch) -> int:
    """Feed every stream with its new values; a change that the false-alarm budget allows to report is a finding."""
    return _track(house, reads.turn_metrics(house.store, batch.window), batch.mark)


def track_scores(house: House, batch: ScoreBatch) -> int:
    """Feed the streams of scores: feedback comes long after the turn it is about."""
    return _track(house, batch.metrics, batch.mark)


def compare_turns(house: House, batch: TurnBatch) -> int:
    """Add the new turns to the per-user sums of their experiments and read every experiment again."""
    return _compare(house, reads.turn_metrics(house.store, batch.window), batch.mark)


def compare_scores(house: House, batch: ScoreBatch) -> int:
    """Add scores to the per-user sums of their experiments."""
    return _compare(house, batch.metrics, batch.mark)


def compare_again(house: House, _: None) -> int:
    """Sum up again, from all turns, the experiments whose turns got another arm after they were compared."""
    names = reads.rereads(house.store)
    marks = reads.marks(house.store)
    upto, scored = marks.get("compare", (0, None))[0], marks.get("compare:scores", (0, None))[1]
    whole = reads.window(house.store, 0, upto) if names else None
    if whole is None:
        return 0
    metrics = reads.turn_metrics(house.store, whole)
    parts = [metrics] if scored is None else [metrics, reads.new_scores(house.store, reads.BEGINNING, scored)]
    sums = pl.concat([unit_sums(part.filter(pl.col("experiment").is_in(names))) for part in parts])
    with house.store.transaction() as txn:
        kept = reads.arm_units(txn).filter(~pl.col("experiment").is_in(names))
        merged = _added(kept, sums)
        now = _data_time(house, metrics)
        comparisons = compare_arms(merged, house.settings.experiments, now, house.settings.metrics, house.guard)
        outcomes.replace_readout(txn, merged, comparisons)
        outcomes.forget_rereads(txn, names)
    return len(comparisons)


def watch(house: House, _: None = None) -> int:
    """Hold the alert rules against the signals as of now; silence is a signal too, so this runs without new turns."""
    now = house.clock.now()
    signals = read_signals(house.store, house.settings.estimates, house.policies, now)
    return house.alerting.observe(signals, now) if house.alerting else 0


def _track(house: House, metrics: pl.DataFrame, mark: Mark) -> int:
    at = _data_time(house, metrics)
    states = outcomes.tracker_states(house.store)
    outcome = decide_drift(states, metrics, house.settings.drift, at, guard=house.guard)
    with marked(house.store, mark) as txn:
        outcomes.save_trackers(txn, outcome.states, at)
        outcomes.add_findings(txn, outcome.findings)
    return len(outcome.findings)


def _compare(house: House, metrics: pl.DataFrame, mark: Mark) -> int:
    sums = unit_sums(metrics)
    with marked(house.store, mark) as txn:
        if sums.is_empty():
            return 0
        merged = _added(reads.arm_units(txn), sums)
        now = _data_time(house, metrics)
        comparisons = compare_arms(merged, house.settings.experiments, now, house.settings.metrics, house.guard)
        outcomes.replace_readout(txn, merged, comparisons)
    return len(comparisons)


def _added(known: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([known, more]).group_by("experiment", "arm", "metric", "unit").sum()


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


def _data_time(house: House, metrics: pl.DataFrame) -> datetime:
    """Time of the newest row: what "now" means for checks of history that arrives late or all at once.

    Never later than the clock: one sender whose clock is ahead must not move "now" for everybody.
    """
    newest: datetime = metrics["time"].max()  # type: ignore[assignment]  # a time column has times
    return min(aware_utc(newest), house.clock.now())


def _aligned(instant: datetime, span: timedelta) -> datetime:
    start: datetime = instant - (instant - reads.BEGINNING) % span
    return start
