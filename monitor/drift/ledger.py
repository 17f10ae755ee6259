"""The public ledger of the false-alarm budget: what was raised, how many false ones to expect, what is watched, and what is not.

Whoever sets the one dial reads here what it buys: for each stream the smallest change that a week of its traffic would show.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.config.durations import parse_duration
from monitor.config.schema import DriftSettings
from monitor.drift.admission import ENOUGH, segment_key
from monitor.drift.batch import Name
from monitor.drift.calendar import seen
from monitor.drift.decide import settings_by_metric, tracker_settings
from monitor.drift.points import DAY_MS, instant
from monitor.drift.reference import band, means
from monitor.drift.state import Memory, Reference, Stream, read_memory, read_stream
from monitor.drift.stored_states import MEMORY, name_of
from monitor.drift.tracker import TrackerSettings
from monitor.drift.unwatched import Room, needed, without_room
from monitor.drift.wording_state import Wording, is_wording, read_wording
from monitor.stats.budget import smallest_change
from monitor.stats.ranks import FUNCTIONS

WITHIN_DAYS: Final = 7
LEAST: Final = 100
"""Outputs within which the smallest change is told of a stream that has fewer in a week."""

BELOW: Final = FUNCTIONS.index("below median")
"""Of a number, the share of outputs below the median of the reference stands for the others."""

NEVER: Final = (
    (
        "volume of traffic",
        "it grows, and rests on holidays; silence is the alert no_data, and how many turns came stands on the page Overview",
    ),
    ("share of turns with feedback", "feedback comes days after its turn; scores themselves are watched"),
    ("a shift among models, languages or endings that were there", "it is told as the cause of what it changes"),
)
"""What is not watched in any house, and why."""


@dataclass(frozen=True)
class Line:
    """One stream. `smallest` is a share of outputs: of a rate in points, of a number of those below its old median."""

    metric: str
    app: str
    segment: str
    outputs: int
    a_day: float
    share_of_budget: float
    smallest: float | None
    state: str


def ledger(states: Mapping[str, str], settings: DriftSettings, raised: int, now: datetime) -> dict[str, Any]:
    """Return the ledger as plain values. `raised` are the findings of the period that ends `now`."""
    known = {name: stream for name, stream in _read(states).items() if name.app}
    settings_of = settings_by_metric(tracker_settings(settings), known)
    lines = [_line(name, stream, settings_of(name.metric)) for name, stream in sorted(known.items())]
    period = parse_duration(settings.budget.per)
    watched = _watched_for(known.values(), now)
    memory = read_memory(states.get(MEMORY))
    room = without_room(known, memory, settings, now)
    return {
        "budget": {"alarms": settings.budget.alarms, "per": settings.budget.per},
        "raised": raised,
        "expected_false": round(settings.budget.alarms * min(1.0, watched / period), 4),
        "watched_days": round(watched / timedelta(days=1), 1),
        "streams": [asdict(line) for line in lines],
        "not_watched": list(_not_watched(settings, memory, room, known)),
        "room": {"most": settings.max_streams, "needed": needed(known, room)},
    }


def _read(states: Mapping[str, str]) -> dict[Name, Stream | Wording]:
    """The streams that can be understood."""
    read = {
        name_of(key): read_wording(state) if is_wording(state) else read_stream(state)
        for key, state in states.items()
        if key != MEMORY
    }
    return {name: stream for name, stream in read.items() if stream is not None}


def _line(name: Name, stream: Stream | Wording, tracking: TrackerSettings) -> Line:
    pace = stream.seen * DAY_MS / max(DAY_MS, stream.last - stream.born)
    if isinstance(stream, Wording):
        return Line(*name, stream.seen, round(pace, 1), tracking.share, None, stream.stage)
    reference = stream.reference
    if reference is None:
        waiting = f"not enough baseline ({len(stream.warm.time)} of {tracking.stages[0]})"
        return Line(*name, stream.seen, round(pace, 1), tracking.share, None, waiting)
    within = max(LEAST, round(WITHIN_DAYS * pace))
    smallest = _smallest(reference, tracking, tracking.threshold(stream), within)
    parts = seen(reference.week, week=tracking.zone != "none")
    state = "watched" if parts.all() else f"watched at {parts.mean():.0%} of the week: no reference yet for the rest"
    return Line(*name, stream.seen, round(pace, 1), tracking.share, smallest, state)


def _smallest(reference: Reference, tracking: TrackerSettings, threshold: float, within: int) -> float | None:
    """The smaller of the rise and the fall from the mean of the reference that is found in about `within` outputs."""
    rate = reference.kind == "rate"
    floor, column = (tracking.rate_floor, 0) if rate else (tracking.rank_floor, BELOW)
    limits, mean = band(reference, tracking.margin(len(reference.total)), floor), float(means(reference)[column])
    high, low = float(limits.high[column]), float(limits.low[column])
    rise = high + smallest_change(high, threshold, within) - mean
    fall = mean - low + smallest_change(1 - low, threshold, within)
    found = min(rise, fall)
    return round(found, 4) if math.isfinite(found) else None


def _watched_for(streams: Iterable[Stream | Wording], now: datetime) -> timedelta:
    born = min((stream.born for stream in streams if stream.born), default=0)
    return now - instant(born) if born else timedelta(0)


def _not_watched(
    settings: DriftSettings, memory: Memory, room: Room, watched: Collection[Name]
) -> Iterator[dict[str, str]]:
    for metric in settings.ignore:
        yield {"what": metric, "why": "drift.ignore says so"}
    yield from room.rows(len(watched))
    seen = {segment_key(name) for name in watched}
    waiting = [key for key, n in memory.candidates.items() if n < ENOUGH and key not in seen]
    if waiting:
        yield {"what": f"{len(waiting)} segments", "why": f"fewer than {ENOUGH} outputs so far"}
    yield from ({"what": what, "why": why} for what, why in NEVER)
