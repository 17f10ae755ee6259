"""The streams of texts in one batch: how each application words its answers, as a stream of its own within the one budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zlib import crc32

import numpy as np

from monitor.clock import aware_utc
from monitor.drift.batch import ALL, Batch, Name
from monitor.drift.calendar import parts_of_week
from monitor.drift.cause import NOTHING, coinciding
from monitor.drift.change import Change
from monitor.drift.finding_sentences import worded_reason
from monitor.drift.ngrams import hashed
from monitor.drift.points import Ints, instant
from monitor.drift.state import Reference
from monitor.drift.tracker import TrackerSettings
from monitor.drift.wording import Answers, Told, Watching, follow, hold, returned
from monitor.drift.wording_state import Wording, parts_of_day
from monitor.health import Guarding
from monitor.model.values import Finding, ToldChange, stable_id
from monitor.stats.budget import band_z

EXAMPLES: Final = 3


@dataclass(frozen=True)
class Reading:
    """What is needed beside a batch to follow its texts: how streams are watched, who accepted what, what was told, and when it is."""

    settings: TrackerSettings
    budget: str
    accepted: Collection[str]
    expired: int
    told: Sequence[ToldChange]
    now: datetime


@dataclass(frozen=True)
class TextOutcome:
    """What was stepped, findings, and ids of those whose change is gone."""

    wordings: dict[Name, Wording] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)


def text_streams(batch: Batch) -> dict[Name, int]:
    """Return the streams of texts that a batch holds, with how many texts there are of each."""
    apps = [app for app, segment in batch.segments if segment == ALL]
    held = {(name := Name(metric, app, ALL)): len(_rows(batch, name)) for metric in batch.texts for app in apps}
    return {name: n for name, n in held.items() if n}


def follow_texts(wordings: Mapping[Name, Wording], batch: Batch, reading: Reading, guard: Guarding) -> TextOutcome:
    """Feed the texts of a batch into their streams, which are changed; one that fails within `guard` is in no part of the outcome."""
    outcome = TextOutcome()
    for name, state in wordings.items():
        with guard(f"drift of {name.metric} in {name.app}, {name.segment}"):
            _step(name, state, batch, reading, outcome)
            outcome.wordings[name] = state
    return outcome


def _step(name: Name, state: Wording, batch: Batch, reading: Reading, outcome: TextOutcome) -> None:
    if state.open is not None and (state.open.finding in reading.accepted or state.open.at < reading.expired):
        _start_anew(state)
    rows = _rows(batch, name)
    watching = Watching(
        band_z(1 / reading.settings.share, 1, 1),
        reading.settings.threshold_at(state.seen + len(rows), _within(state, batch, rows)),
    )
    told = follow(state, _answers(batch, name, rows, reading.settings.zone), batch.combos, watching)
    if told is not None:
        finding = _finding(name, told, batch, rows, reading)
        hold(state, finding.id, told)
        outcome.findings.append(finding)
    elif (gone := returned(state)) is not None:
        outcome.returned.append(gone)


def _start_anew(state: Wording) -> None:
    """Collect another reference: what came since the change is normal now."""
    fresh = Wording(seen=state.seen, born=state.born, last=state.last)
    for name in state.__struct_fields__:
        setattr(state, name, getattr(fresh, name))


def _within(state: Wording, batch: Batch, rows: Ints) -> int:
    first, last = int(batch.time[rows[0]]), int(batch.time[rows[-1]])
    return max(state.last, last) - (state.born or first)


def _rows(batch: Batch, name: Name) -> Ints:
    """The first answer of each user and hour, in order of time."""
    texts, of_app = batch.texts[name.metric], batch.segments[name.app, ALL]
    known = np.asarray([row for row in of_app.tolist() if texts[row]], dtype=np.int64)
    return known[np.sort(np.unique(batch.group[known], return_index=True)[1])]


def _answers(batch: Batch, name: Name, rows: Ints, zone: str) -> Answers:
    texts = batch.texts[name.metric]
    time = batch.time[rows]
    return Answers(
        time=time,
        part=parts_of_day(parts_of_week(time, zone)),
        half=np.asarray([crc32(batch.units[row].encode()) % 2 for row in rows.tolist()], dtype=np.int64),
        combo=batch.combo[rows],
        words=hashed([texts[row] or "" for row in rows.tolist()]),
    )


def _finding(name: Name, told: Told, batch: Batch, rows: Ints, reading: Reading) -> Finding:
    change = _change(told)
    low, high = change.interval
    return Finding(
        id=stable_id(*name, change.since),
        kind="drift",
        metric=name.metric,
        app=name.app,
        segment=ALL,
        detected_at=aware_utc(reading.now),
        since=instant(change.since),
        since_low=instant(change.since_low),
        since_high=instant(change.since_high),
        reference_value=change.reference_value,
        current_value=change.current_value,
        change=change.current_value - change.reference_value,
        change_low=low,
        change_high=high,
        e_value=change.e_value,
        budget=reading.budget,
        cause=coinciding(change, [one for one in reading.told if one.app in {None, name.app}]) or NOTHING,
        reason=worded_reason(name.app, change),
        examples=tuple(_examples(batch, rows, change.since)),
    )


def _change(told: Told) -> Change:
    """The change as a share of answers: those whose score is nearer to the mean since than to none."""
    like = (told.points.value > told.level / 2).astype(np.float64)
    points = told.points.scored(like)
    start = told.onset
    before, after = points.cut(0, start.best), points.cut(start.best)
    return Change(
        segment=ALL,
        reference=_share(float(before.value.sum()), len(before)),
        before=before,
        after=after,
        weights=told.weights[start.best :],
        combos=told.combos,
        since=int(points.time[start.best]),
        since_low=int(points.time[start.low]),
        since_high=int(points.time[start.high]),
        at=told.at,
        e_value=told.e_value,
        onset=start,
    )


def _share(hits: float, n: int) -> Reference:
    """The share of answers before, as the reference of a change; half of one is added on each side, so that none is certain."""
    total = [hits + 0.5]
    return Reference(
        kind="rate", ranks=[], growing_total=total, growing_squares=total, n=n + 1, total=total, squares=total
    )


def _examples(batch: Batch, rows: Ints, since: int) -> Iterator[str]:
    """The newest answers since the start."""
    yield from (batch.units[row] for row in rows[batch.time[rows] >= since][::-1][:EXAMPLES].tolist())
