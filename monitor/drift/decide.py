"""The drift decision: states and new turns in; changed states and findings out. No clock, no store, no randomness.

A finding is raised when the evidence against "still like the reference" reaches the stream's part of one false-alarm budget
(docs/decisions/0003). A stream without a reference yet shows as such in its state: it is not "no drift".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

import polars as pl
from msgspec import structs

from monitor.config.durations import parse_duration, show_duration
from monitor.config.schema import DriftSettings
from monitor.drift.alarm import Alarm
from monitor.drift.anchoring import Anchors
from monitor.drift.batch import Batch, Name
from monitor.drift.detector import Detector, EDetector
from monitor.drift.feeding import EVERYBODY, Feeding, due_of
from monitor.drift.findings import MetricCase, Reports, report_alarms
from monitor.drift.kinds import TEXT, budget_shares, is_core
from monitor.drift.rises import Rise
from monitor.drift.state import Combo, Memory, Stream
from monitor.drift.stored_states import Changed, Known, Living, Texts, key_of, part_of
from monitor.drift.texts import Reading, follow_texts
from monitor.drift.together import Fed, step_together
from monitor.drift.tracker import TrackerSettings, of_version, stages, track
from monitor.health import Guarding
from monitor.model.values import Finding

E_DETECTOR: Final = EDetector()

S = TypeVar("S")


@dataclass(frozen=True)
class DriftOutcome:
    """What a batch decided: states that changed (stream -> JSON text), findings, and the streams that have yet to see it.

    `returned` are ids of findings whose change is gone; `rises` say how far a slow one has come.
    """

    states: dict[str, str]
    findings: list[Finding]
    behind: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    rises: list[Rise] = field(default_factory=list)


def decide_drift(
    states: Mapping[str, str],
    turns: pl.DataFrame,
    settings: DriftSettings,
    now: datetime,
    detector: Detector = E_DETECTOR,
    guard: Guarding = nullcontext,
    feeding: Feeding = EVERYBODY,
) -> DriftOutcome:
    """Feed `turns` into their streams and return what came of it.

    `turns`: unit_id, time (naive UTC), app, user_id, session_id, environment, release, model, prompt_name, prompt_version,
    variant, and metric columns of numbers, NULL where unknown. `states` is what earlier outcomes returned, all of them: the
    budget is shared by all streams. Not for the same turns twice: the caller keeps the mark of what was fed. Turns may be late;
    what a wrong clock dates after `now` counts as of now. A stream that fails within `guard` stays as it was, and is behind from
    then on; the others go on. Once it can, it is fed what it has missed, by itself (`feeding`).
    """
    changed, outcome = _decided(Texts(states), turns, settings, now, detector, guard, feeding)
    return replace(outcome, states=changed.states)


def live_drift(
    living: Living, turns: pl.DataFrame, settings: DriftSettings, now: datetime, feeding: Feeding = EVERYBODY
) -> DriftOutcome:
    """Do what `decide_drift` does to streams that live on from batch to batch, and change them: nothing is written, and no state returned."""
    changed, outcome = _decided(living, turns, settings, now, E_DETECTOR, nullcontext, feeding)
    changed.live_on(living)
    return outcome


def _decided(
    given: Known,
    turns: pl.DataFrame,
    settings: DriftSettings,
    now: datetime,
    detector: Detector,
    guard: Guarding,
    feeding: Feeding,
) -> tuple[Changed, DriftOutcome]:
    memory, due = given.memory, due_of(given, turns, settings, now, feeding)
    n_streams = len(due.watched)
    settings_of = settings_by_metric(tracker_settings(settings, detector), due.watched)
    anchors = Anchors(dict(memory.anchors), feeding.accepted, _expired(settings, now), feeding.titles)

    def to_step(name: Name) -> Fed:
        stream = given.stream(key_of(name))
        if of_version(stream, feeding.graded_by(name.metric, name.app)):
            anchors.forget(name)
        return Fed(stream, due.batch.points(name), settings_of(name.metric))

    streams, alarms = _step(due.fed, to_step, due.batch.combos, anchors, guard)
    reports = _report(due.batch, streams, alarms, memory, settings, n_streams, now, feeding)
    anchors.keep(alarms, reports.told)
    budget = _budget_text(settings, n_streams)
    reading = Reading(settings_of(TEXT), budget, feeding.accepted, anchors.expired, feeding.changes, now)
    texts = follow_texts({name: given.wording(key_of(name)) for name in due.heard}, due.batch, reading, guard)
    after = structs.replace(due.counted, reported=reports.known, anchors=anchors.known)
    stepped = {*streams, *texts.wordings}
    moved = bool(stepped) or (after.vocabularies, after.crowded_out) != (memory.vocabularies, memory.crowded_out)
    changed = Changed(_by_key(streams), _by_key(texts.wordings), after if moved else None)
    findings, returned = [*reports.findings, *texts.findings], [*anchors.returned(), *texts.returned]
    behind = [key_of(name) for name in due.owed if name not in stepped]
    return changed, DriftOutcome({}, findings, behind, returned, anchors.rises)


def _by_key(named: Mapping[Name, S]) -> dict[str, S]:
    return {key_of(name): state for name, state in named.items()}


def _step(
    fed: Sequence[Name], to_step: Callable[[Name], Fed], combos: Sequence[Combo], anchors: Anchors, guard: Guarding
) -> tuple[dict[Name, Stream], dict[Name, list[Alarm]]]:
    """Step the streams, and return them with what they raised; one that fails is in neither."""
    ready: dict[Name, Fed] = {}
    for name in fed:
        with suppress(Exception):  # it fails again below, where failures are counted: once a pass
            ready[name] = to_step(name)
    quiet = _stepped(ready, combos, guard)
    streams: dict[Name, Stream] = {}
    alarms: dict[Name, list[Alarm]] = {}
    for name in fed:
        with guard(part_of(key_of(name))):
            one = ready.get(name) or to_step(name)
            raised = [] if name in quiet else track(name.metric, one.stream, one.points, combos, one.settings)
            alarms[name] = anchors.settle(name, one, raised)
            streams[name] = one.stream
    return streams, alarms


def _stepped(ready: Mapping[Name, Fed], combos: Sequence[Combo], guard: Guarding) -> set[Name]:
    """Step the streams to which nothing happens, all at once, and return them; none where that fails: they go one by one."""
    with guard("drift of many streams at once"):
        stepped = step_together(list(ready.values()), combos)
        return {name for name, done in zip(ready, stepped, strict=True) if done}
    return set()


def settings_by_metric(tracking: TrackerSettings, watched: Iterable[Name]) -> Callable[[str], TrackerSettings]:
    """Return what gives a stream its settings by its metric: the streams that people act on first share most of the budget."""
    shares = budget_shares(name.metric for name in watched)
    core, other = (replace(tracking, share=share) for share in shares)
    return lambda metric: core if is_core(metric) else other


def _expired(settings: DriftSettings, now: datetime) -> int:
    """Changes found before this are the new normal, in milliseconds."""
    return int((now - parse_duration(settings.expires)).timestamp() * 1000)


def tracker_settings(settings: DriftSettings, detector: Detector = E_DETECTOR) -> TrackerSettings:
    """Return how a stream is watched, as if it had the whole budget."""
    return TrackerSettings(
        stages=stages(settings.baseline.first, settings.baseline.outputs),
        rate_floor=settings.rate_floor,
        rank_floor=settings.rank_floor,
        zone=settings.timezone,
        share=1.0,
        alarms=settings.budget.alarms,
        period_ms=parse_duration(settings.budget.per) / timedelta(milliseconds=1),
        detector=detector,
    )


def _report(
    batch: Batch,
    streams: Mapping[Name, Stream],
    alarms: Mapping[Name, list[Alarm]],
    memory: Memory,
    settings: DriftSettings,
    n_streams: int,
    now: datetime,
    feeding: Feeding,
) -> Reports:
    """Report the alarms of each metric and app together: a change that shows in five streams is one change."""
    budget = _budget_text(settings, n_streams)
    reports = Reports(dict(memory.reported), [])
    for metric, app in dict.fromkeys((name.metric, name.app) for name, raised in alarms.items() if raised):
        near = {name.segment: name for name in streams if (name.metric, name.app) == (metric, app)}
        case = MetricCase(
            metric=metric,
            app=app,
            streams={segment: streams[name] for segment, name in near.items()},
            alarms={segment: alarms[name] for segment, name in near.items()},
            batch=batch,
            columns=settings.segments,
            budget=budget,
            now=now,
            told=[change for change in feeding.changes if change.app in {None, app}],
            titles=feeding.titles,
        )
        report_alarms(case, reports)
    return reports


def _budget_text(settings: DriftSettings, streams: int) -> str:
    alarms = settings.budget.alarms
    plural = "" if alarms == 1 else "s"
    period = show_duration(parse_duration(settings.budget.per))
    return f"{alarms:g} false alarm{plural} per {period} over {streams} streams"
