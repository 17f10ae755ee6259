"""What each step of the cycle does: reads what is new, decides with a pure function, writes the result with its mark.

Result and mark are one transaction: a step that is killed is simply done again, and none sees a turn twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec
import polars as pl

from monitor.affording import affordable
from monitor.clock import Clock, aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.drift import Feeding, decide_drift
from monitor.estimates import estimate_told
from monitor.graders.cascade import graders_of
from monitor.graders.grader import Connected, Tools
from monitor.health import Guarding, Health
from monitor.judge_draws import AskingRates
from monitor.judges.versions import graders_of_rate, rules_asking
from monitor.model.values import ChangeEvent, Estimate, Signal, Turn
from monitor.planning import CHANGES, Eagerness, plans_of
from monitor.policy.schema import Policy, units_of_rules
from monitor.recent import Recent, as_drawn, known_plans, turns_of
from monitor.sampling import Plan
from monitor.signals import read_signals
from monitor.store import outcomes, pace, reads, verdicts
from monitor.store.behind import Missed, missed, note_missed
from monitor.store.marks import set_mark
from monitor.store.opening import Store, Transaction
from monitor.store.reads import Window
from monitor.store.turn_measures import LastMeasured
from monitor.store.turns import sampled_turns
from monitor.store.units import units_of
from monitor.streams import LASTING, stream_metrics
from monitor.surroundings import Looked, with_traffic

TOLD_FOR: Final = timedelta(days=60)
"""How far back what was changed may be the cause of a change that is found now."""


class Alerting(Protocol):
    """What the cycle hands its signals to: rules, states and outbox, in one transaction of the control state."""

    def observe(self, signals: Sequence[Signal], now: datetime) -> int: ...

    def tell_changes(self, read: Callable[[datetime], Sequence[ChangeEvent]]) -> int:
        """Owe what `read` returns to whoever asks for changes; return how many messages that is. Not read where nobody asks."""


class Labels(Protocol):
    """Where people's verdicts are durable."""

    def after(self, seq: int) -> Sequence[Mapping[str, Any]]:
        """Return labels with a number above `seq`, oldest first: some, or none where there are no more."""


@dataclass(frozen=True)
class House:
    """Everything a cycle works with. `alerting` is None where nobody is to be told, `labels` where nobody says anything.

    `health` is None where a failure must end the whole, as in a replay, whose answer would be wrong else. `stopping` says that
    the process ends: the batch that is worked on is the last one.
    """

    store: Store
    settings: Settings
    policies: Sequence[Policy]
    clock: Clock
    alerting: Alerting | None
    health: Health | None = None
    stopping: Callable[[], bool] = lambda: False
    labels: Labels | None = None
    recent: Recent = field(default_factory=Recent)
    measured: LastMeasured = field(default_factory=LastMeasured)
    afforded: dict[datetime, Mapping[str, AskingRates]] = field(default_factory=dict)  # of judges, by day

    @property
    def guard(self) -> Guarding:
        """What the work of one stream, experiment or step is done in."""
        return nullcontext if self.health is None else self.health.guard

    @property
    def titles(self) -> Mapping[str, str]:
        """What people call the rules in force, by id."""
        return {rule.id: rule.text.title for policy in self.policies for rule in policy.rules}

    @property
    def tools(self) -> Tools:
        """What graders may use: judges are not asked here, their rules wait for them."""
        return Tools(
            self.clock, judges=Connected(self.settings.judges.keys(), frozenset(self.settings.judge_texts.apps))
        )


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
    """Scores heard after number `after`, a row a turn, and the mark that says so once they are done."""

    metrics: pl.DataFrame
    mark: Mark
    after: int = 0


@contextmanager
def marked(store: Store, mark: Mark) -> Iterator[Transaction]:
    """One transaction for what a step wrote and for the mark that says so."""
    with store.transaction() as txn:
        set_mark(txn, mark.step, mark.seq, mark.time)
        yield txn


def sample(house: House, batch: TurnBatch) -> int:
    """Draw which new turns are graded; the probability of each draw is stored with it."""
    turns, now = reads.new_turns(house.store, batch.window), house.clock.now()
    last = {declared.name: declared for _, declared in known_plans(house.store)}
    plans = plans_for(house, batch.window)
    samples = [sample for plan in plans for sample in plan.draw(turns, now)]
    with marked(house.store, batch.mark) as txn:
        txn.insert("samples", samples)
        for plan in plans:
            if last.get(plan.name) != plan:
                verdicts.declare_plan(txn, batch.window.after + 1, msgspec.json.encode(plan).decode())
    return len(samples)


def plans_for(house: House, window: Window) -> list[Plan]:
    """Return the plans of new turns, by what the traffic of the day before them was like."""
    settings, eager = house.settings.sampling, eagerness(house.policies)
    if not settings.quota and not settings.changed:
        return plans_of(settings, {}, {}, eager)
    a_day = pace.turns_a_day(house.store, window.end)
    fresh = pace.new_values(house.store, CHANGES, window.end, parse_duration(settings.changed_for))
    return plans_of(settings, a_day, fresh, eager)


def afforded(house: House, instant: datetime) -> Mapping[str, AskingRates]:
    """Return what judges can be asked on the day of an instant (`affordable`): reckoned once a pass, since a pass has many batches of one day."""
    day = aligned(instant, timedelta(days=1))
    if day not in house.afforded:
        house.afforded[day] = affordable(house.store, house.policies, house.settings, day)
    return house.afforded[day]


def eagerness(policies: Sequence[Policy]) -> list[Eagerness]:
    """Return how eagerly the policies want their rules asked."""
    grading = [policy for policy in policies if policy.status in ("active", "shadow")]
    return [Eagerness(rule.id, rule.text.sampling.weight, policy.apps) for policy in grading for rule in policy.rules]


def graded_turns(house: House, window: Window) -> list[Turn]:
    """Return the sampled turns of a window, and what goes by them, as the graders of this house want them."""
    return units_of(house.store, drawn(house, sampled_turns(house.store, window)), house.policies)


def drawn(house: House, turns: Sequence[Turn]) -> list[Turn]:
    """Return picked turns, each with the rules that are not asked of it by the plans it was picked under."""
    return as_drawn(house.store, turns, {rule.id for policy in house.policies for rule in policy.rules})


def estimate(house: House, batch: TurnBatch) -> int:
    """Publish rates with intervals for every window that got new turns."""
    span = parse_duration(house.settings.estimates.window)
    start, end = aligned(batch.window.start, span), aligned(batch.window.end, span) + span
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
    starts = dict.fromkeys(aligned(time, span) for time in times)
    made = {start: _estimates(house, start, start + span) for start in starts}
    with house.store.transaction() as txn:
        for start, estimates in made.items():
            outcomes.replace_estimates(txn, start, start + span, estimates)
        verdicts.forget_stale(txn, times)
    return sum(len(estimates) for estimates in made.values())


def _estimates(house: House, start: datetime, end: datetime) -> list[Estimate]:
    settings = house.settings.estimates
    said = house.recent.told(house.store, settings, start, end)
    counted, about = turns_of(house.store, settings, start, end), units_of_rules(house.policies)
    return estimate_told(said, counted, settings, about=about, errors=said.errors)


def track_turns(house: House, batch: TurnBatch) -> int:
    """Feed every stream with its new values; a change that the false-alarm budget allows to report is a finding."""
    fed = Missed(batch.mark.step, "", batch.window.after, batch.window.upto)
    return _track(house, drift_metrics(house, batch.window), batch.mark, fed)


def drift_metrics(house: House, window: Window) -> pl.DataFrame:
    """Return what streams are fed with: verdicts only of policies that are in force, since others are another measure.

    Rules that judges are asked about are not decided yet: streams of theirs are fed with what those say (`monitor.judged`).
    """
    hashes = [policy.hash for policy in house.policies]
    late = [f"{kind}:{rule}" for rule in rules_of_judges(house) for kind in ("rule", "undecided")]
    measured = house.measured.of(house.store, window)
    return stream_metrics(house.store, window, hashes or None, measured).drop(late, strict=False)


def rules_of_judges(house: House) -> dict[str, frozenset[str]]:
    """Return the rules that connected judges are asked about, and which ones those are."""
    return rules_asking(house.policies, house.settings.judges)


def makers_of_rates(house: House) -> dict[str, frozenset[str]]:
    """Return whose word makes the rate of each rule that judges decide: judges, and panels as one grader each."""
    rules = [rule for policy in house.policies for rule in policy.rules]
    return {rule.id: names for rule in rules if (names := graders_of_rate(rule, house.settings.judges))}


def track_scores(house: House, batch: ScoreBatch) -> int:
    """Feed the streams of scores: feedback comes long after the turn it is about."""
    return _track(house, batch.metrics, batch.mark, Missed(batch.mark.step, "", batch.after, batch.mark.seq))


def watch(house: House, _: None = None) -> int:
    """Hold the alert rules against the signals as of now; silence is a signal too, so this runs without new turns."""
    now = house.clock.now()
    signals = read_signals(house.store, house.settings.estimates, house.policies, now, house.recent)
    return house.alerting.observe(signals, now) if house.alerting else 0


def _track(house: House, metrics: pl.DataFrame, mark: Mark, fed: Missed) -> int:
    """Feed the streams that are not behind; `fed` says what those miss that are, or that fail now."""
    late = {row.part for row in missed(house.store) if row.step == mark.step}
    at = data_time(house, metrics)
    feeding = Feeding(
        held=late,
        graded_by=graders_of(house.policies),
        lasting=LASTING,
        accepted=outcomes.accepted_findings(house.store),
        titles=house.titles,
        changes=outcomes.told_changes(house.store, naive_utc(at - TOLD_FOR)),
    )
    states = outcomes.tracker_states(house.store)
    outcome = decide_drift(states, metrics, house.settings.drift, at, guard=house.guard, feeding=feeding)
    findings = with_traffic(outcome.findings, house.store, looked(house))
    with marked(house.store, mark) as txn:
        outcomes.save_trackers(txn, outcome.states, at)
        outcomes.add_findings(txn, findings)
        outcomes.move_findings(txn, outcome, at, at - parse_duration(house.settings.drift.expires))
        note_missed(txn, [replace(fed, part=key) for key in outcome.behind])
    return len(outcome.findings)


def looked(house: House) -> Looked:
    """Return how the turns around a change are looked at."""
    policies = [policy.hash for policy in house.policies]
    return Looked(house.clock.now(), house.settings.drift.timezone, policies or None)


def data_time(house: House, metrics: pl.DataFrame) -> datetime:
    """Time of the newest row: what "now" means for checks of history that arrives late or all at once.

    Never later than the clock: one sender whose clock is ahead must not move "now" for everybody.
    """
    newest: datetime = metrics["time"].max()  # type: ignore[assignment]  # a time column has times
    return min(aware_utc(newest), house.clock.now())


def aligned(instant: datetime, span: timedelta) -> datetime:
    """Return where the window of the rates begins that an instant (naive UTC) lies in."""
    start: datetime = instant - (instant - reads.BEGINNING) % span
    return start
