"""The drift decision: states and new turns in; changed states, findings and notes out. No clock, no store, no randomness.

A finding is raised when the evidence against "still like the reference" reaches the stream's part of one false-alarm budget
(docs/decisions/0003). Too little reference is said in the notes: it is not "no drift".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
import polars as pl

from monitor.config.durations import parse_duration, show_duration
from monitor.config.schema import DriftSettings
from monitor.drift.admission import admit, count_candidates, segment_key
from monitor.drift.batch import ALL, Batch, Name, read_batch
from monitor.drift.findings import Case, Telling, tell
from monitor.drift.state import Memory, Stream, read_memory, read_stream, write_state
from monitor.drift.tracker import Alarm, Rules, follow, stages
from monitor.model.values import Finding

MEMORY: Final = "memory"
"""The key of the one state that is not a stream."""


@dataclass(frozen=True)
class DriftOutcome:
    """What a batch decided: states that changed (stream -> JSON text), findings, and what a reader should know besides."""

    states: dict[str, str]
    findings: list[Finding]
    notes: list[str]


def decide_drift(
    states: Mapping[str, str], turns: pl.DataFrame, settings: DriftSettings, now: datetime
) -> DriftOutcome:
    """Feed `turns` into their streams and return what came of it.

    `turns`: unit_id, time (naive UTC), app, user_id, session_id, environment, release, model, prompt_name, prompt_version,
    variant, and metric columns of numbers, NULL where unknown. `states` is what earlier outcomes returned, all of them: the
    budget is shared by all streams. Not for the same turns twice: the caller keeps the mark of what was fed.
    """
    batch = read_batch(turns, settings.segments, settings.ignore)
    memory = read_memory(states.get(MEMORY))
    candidates = count_candidates(memory.candidates, _segment_traffic(batch))
    known = [_name(key) for key in states if key != MEMORY]
    fed, left_out = admit(known, batch.counts, candidates, settings.max_streams)
    rules = _rules(settings, len({*known, *fed}))
    streams = {name: read_stream(states.get(_key(name))) or Stream() for name in fed}
    alarms = {name: follow(name.metric, streams[name], batch.points(name), batch.combos, rules) for name in fed}
    telling = _tell(batch, streams, alarms, memory, settings, rules.streams, now)
    after = Memory(reported=telling.reported, candidates=candidates)
    changed = {_key(name): write_state(stream) for name, stream in streams.items()}
    notes = [*telling.notes, *_immature(streams, rules.stages[0]), *_left_out(left_out, settings.max_streams)]
    return DriftOutcome({**changed, MEMORY: write_state(after)} if changed else {}, telling.findings, notes)


def _segment_traffic(batch: Batch) -> dict[str, int]:
    traffic: dict[str, int] = {}
    for name, n in batch.counts.items():
        if name.segment != ALL:
            traffic[segment_key(name)] = max(n, traffic.get(segment_key(name), 0))
    return traffic


def _rules(settings: DriftSettings, streams: int) -> Rules:
    return Rules(
        stages=stages(settings.baseline.first, settings.baseline.outputs),
        rate_floor=settings.rate_floor,
        rank_floor=settings.rank_floor,
        streams=streams,
        alarms=settings.budget.alarms,
        period_ms=parse_duration(settings.budget.per) / timedelta(milliseconds=1),
    )


def _tell(
    batch: Batch,
    streams: Mapping[Name, Stream],
    alarms: Mapping[Name, list[Alarm]],
    memory: Memory,
    settings: DriftSettings,
    n_streams: int,
    now: datetime,
) -> Telling:
    """Tell the alarms of each metric and app together: a change that shows in five streams is one change."""
    budget = _budget_text(settings, n_streams)
    telling = Telling(dict(memory.reported), [], [])
    for metric, app in dict.fromkeys((name.metric, name.app) for name, raised in alarms.items() if raised):
        near = {name.segment: name for name in streams if (name.metric, name.app) == (metric, app)}
        case = Case(
            metric=metric,
            app=app,
            streams={segment: streams[name] for segment, name in near.items()},
            alarms={segment: alarms[name] for segment, name in near.items()},
            batch=batch,
            columns=settings.segments,
            budget=budget,
            now=now,
        )
        tell(case, telling)
    return telling


def _budget_text(settings: DriftSettings, streams: int) -> str:
    alarms = settings.budget.alarms
    plural = "" if alarms == 1 else "s"
    period = show_duration(parse_duration(settings.budget.per))
    return f"{alarms:g} false alarm{plural} per {period} over {streams} streams"


def _immature(streams: Mapping[Name, Stream], first: int) -> Iterator[str]:
    for name, stream in streams.items():
        if stream.reference is None:
            yield f"{name.metric} of {name.app}, {name.segment}: not enough baseline ({stream.n} of {first})"


def _left_out(names: list[Name], cap: int) -> list[str]:
    if not names:
        return []
    first = names[0]
    return [
        f"{len(names)} streams are not watched (max_streams is {cap}), first {first.metric} of {first.app}, {first.segment}"
    ]


def _key(name: Name) -> str:
    return msgspec.json.encode(name).decode()


def _name(key: str) -> Name:
    """The stream of a stored key; a key of somebody else's counts as a stream that never comes again."""
    try:
        return Name(*msgspec.json.decode(key, type=tuple[str, str, str]))
    except msgspec.MsgspecError:
        return Name(key, "", "")
