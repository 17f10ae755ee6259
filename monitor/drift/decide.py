"""The drift decision: states and new turns in; changed states and findings out. No clock, no store, no randomness.

A finding is raised when the evidence against "still like the reference" reaches the stream's part of one false-alarm budget
(docs/decisions/0003). A stream without a reference yet shows as such in its state: it is not "no drift".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

import polars as pl

from monitor.clock import naive_utc
from monitor.config.durations import parse_duration, show_duration
from monitor.config.schema import DriftSettings
from monitor.drift.admission import admit, count_candidates, segment_key
from monitor.drift.alarm import Alarm
from monitor.drift.anchoring import Anchors, Rise
from monitor.drift.batch import ALL, Batch, Name, read_batch, user_traffic
from monitor.drift.detector import Detector, EDetector
from monitor.drift.findings import MetricCase, Reports, report_alarms
from monitor.drift.heavy_users import count_users, heavy_users
from monitor.drift.kept import Changed, Known, Living, Texts, key_of, name_of, part_of, whole_metric
from monitor.drift.kinds import MISSING, TEXT, budget_shares, is_core
from monitor.drift.novelty import learnt, with_news
from monitor.drift.state import Combo, Memory, Stream
from monitor.drift.texts import Reading, follow_texts, text_streams
from monitor.drift.together import Fed, step_together
from monitor.drift.tracker import TrackerSettings, of_version, stages, track
from monitor.health import Guarding
from monitor.model.values import Finding, ToldChange

E_DETECTOR: Final = EDetector()

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - times of turns are naive UTC


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


def nobody(_metric: str, _app: str) -> str:
    """Return the version of the graders of a metric that nobody grades."""
    return ""


@dataclass(frozen=True)
class Feeding:
    """Which streams a batch is for: all but those that are behind (`held`), or, to catch up, `only` one.

    Streams are named by their keys; `whole_metric` names all of a metric. `graded_by` says by which version of graders a metric of
    an app is made: a stream of another version starts anew. `lasting` are measures that a turn has once its app has them: that one
    is missing is a stream. `accepted` are findings that a person has called the new normal.
    `changes` are what people and deploy scripts told: causes.
    """

    held: Collection[str] = ()
    only: str | None = None
    graded_by: Callable[[str, str], str] = nobody
    lasting: Collection[str] = ()
    accepted: Collection[str] = ()
    changes: Sequence[ToldChange] = ()

    def takes(self, name: Name) -> bool:
        """Return whether the stream is fed."""
        named = {key_of(name), whole_metric(name.metric)}
        return named.isdisjoint(self.held) if self.only is None else self.only in named


EVERYBODY: Final = Feeding()


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
    memory = given.memory
    again = feeding.only is not None  # traffic that has been counted
    users = memory.users if again else count_users(memory.users, user_traffic(turns))
    dated = _dated(turns, now)
    vocabularies = memory.vocabularies if again else learnt(memory.vocabularies, dated)
    keys = {*given.keys()}
    told = with_news(_with_absences(dated, keys, feeding.lasting), memory.vocabularies)
    batch = read_batch(told, settings.segments, settings.ignore, heavy_users(users))
    candidates = memory.candidates if again else count_candidates(memory.candidates, _segment_traffic(batch))
    known = [name_of(key) for key in keys]
    admitted = admit(known, batch.counts, candidates, settings.max_streams)
    fed = [name for name in admitted if feeding.takes(name)]
    spoken = [name for name in text_streams(batch) if name in known or len({*known, *fed}) < settings.max_streams]
    heard = [name for name in spoken if feeding.takes(name)]
    watched = {*known, *fed, *heard}
    settings_of = settings_by_metric(tracker_settings(settings, len(watched), detector), watched)
    anchors = Anchors(dict(memory.anchors), feeding.accepted, _expired(settings, now))

    def to_step(name: Name) -> Fed:
        stream = given.stream(key_of(name))
        if of_version(stream, feeding.graded_by(name.metric, name.app)):
            anchors.forget(name)
        return Fed(stream, batch.points(name), settings_of(name.metric))

    streams, alarms = _step(fed, to_step, batch.combos, anchors, guard)
    reports = _report(batch, streams, alarms, memory, settings, len(watched), now, feeding.changes)
    anchors.keep(alarms, reports.told)
    budget = _budget_text(settings, len(watched))
    reading = Reading(settings_of(TEXT), budget, feeding.accepted, anchors.expired, feeding.changes, now)
    texts = follow_texts({name: given.wording(key_of(name)) for name in heard}, batch, reading, guard)
    after = Memory(
        reported=reports.known, candidates=candidates, users=users, vocabularies=vocabularies, anchors=anchors.known
    )
    stepped = {*streams, *texts.wordings}
    behind = [key_of(n) for n in [*admitted, *spoken] if n not in stepped and (not again or n in {*fed, *heard})]
    moved = bool(stepped) or vocabularies != memory.vocabularies
    changed = Changed(_by_key(streams), _by_key(texts.wordings), after if moved else None)
    findings, returned = [*reports.findings, *texts.findings], [*anchors.returned(), *texts.returned]
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
            alarms[name] = anchors.settle(name, one.stream, raised, one.settings)
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


def _dated(turns: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Bound the times of turns to what a clock may say: nothing is of tomorrow, and nothing of before 1970."""
    latest = max(_EPOCH, naive_utc(now))
    times = turns["time"].drop_nulls()
    if times.is_empty() or (times.min() >= _EPOCH and times.max() <= latest):  # type: ignore[operator]  # times
        return turns
    return turns.with_columns(pl.col("time").clip(_EPOCH, latest))


def _with_absences(turns: pl.DataFrame, watched: Collection[str], lasting: Collection[str]) -> pl.DataFrame:
    """Say of each turn whether it lacks a measure that its app has, or had."""
    apps, added = turns["app"].to_list(), []
    for metric in (name for name in lasting if name in turns.columns):
        known = turns[metric].is_not_null().to_list()
        has = {app for app, there in zip(apps, known, strict=True) if there}
        has |= {app for app in set(apps) if key_of(Name(MISSING + metric, str(app), ALL)) in watched}
        lacks = [
            None if app is None or app not in has else float(not there) for app, there in zip(apps, known, strict=True)
        ]
        added.append(pl.Series(MISSING + metric, lacks, pl.Float64))
    return turns.with_columns(added) if added else turns


def _expired(settings: DriftSettings, now: datetime) -> int:
    """Changes found before this are the new normal, in milliseconds."""
    return int((now - parse_duration(settings.expires)).timestamp() * 1000)


def _segment_traffic(batch: Batch) -> dict[str, int]:
    traffic: dict[str, int] = {}
    for name, n in batch.counts.items():
        if name.segment != ALL:
            traffic[segment_key(name)] = max(n, traffic.get(segment_key(name), 0))
    return traffic


def tracker_settings(settings: DriftSettings, streams: int, detector: Detector = E_DETECTOR) -> TrackerSettings:
    """Return how each of so many streams is watched, as if it had the whole budget."""
    return TrackerSettings(
        stages=stages(settings.baseline.first, settings.baseline.outputs),
        rate_floor=settings.rate_floor,
        rank_floor=settings.rank_floor,
        zone=settings.timezone,
        streams=streams,
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
    told: Sequence[ToldChange],
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
            told=[change for change in told if change.app in {None, app}],
        )
        report_alarms(case, reports)
    return reports


def _budget_text(settings: DriftSettings, streams: int) -> str:
    alarms = settings.budget.alarms
    plural = "" if alarms == 1 else "s"
    period = show_duration(parse_duration(settings.budget.per))
    return f"{alarms:g} false alarm{plural} per {period} over {streams} streams"
