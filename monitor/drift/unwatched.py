"""What finds no room among the streams (`drift.max_streams`), by application: measures of the whole of it, and parts of its traffic."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.config.schema import DriftSettings
from monitor.drift.admission import ENOUGH, of_whole_apps, segment_key, segment_of
from monitor.drift.batch import ALL, Name
from monitor.drift.finding_sentences import segment_words
from monitor.drift.kinds import is_core
from monitor.drift.state import Crowded, Memory
from monitor.measures import measure
from monitor.wording import plain_line

LATELY: Final = 28
"""Days after which an application that sends nothing more lacks nothing."""

MOST: Final = 200
"""Applications of which it is remembered what found no room, and measures of each."""

SHOWN: Final = 4
"""Measures and segments of an application that are named; of more, how many there are."""


@dataclass(frozen=True)
class Room:
    """Names of streams that found none: measures of whole applications, and segments of which no measure is watched."""

    measures: Sequence[Name]
    segments: Sequence[tuple[str, str]]

    def apps(self) -> list[str]:
        """Return the applications that lack something, those that lack measures first."""
        return list(dict.fromkeys([*(name.app for name in self.measures), *(app for app, _ in self.segments)]))

    def rows(self, watched: int) -> Iterator[dict[str, str]]:
        """Yield app, what and why, one row for each application that lacks something beside so many streams that are `watched`."""
        for app in self.apps():
            lacking = [name.metric for name in self.measures if name.app == app]
            parts = [segment for of, segment in self.segments if of == app]
            said = [
                _named([plain_line(measure(metric).name) for metric in lacking], "measure"),
                _named([segment_words(part) for part in parts], "segment"),
            ]
            yield {
                "app": app,
                "what": f"{segment_words(app)}: {'; '.join(filter(None, said))}",
                "why": f"no room beside {watched} streams (drift.max_streams)",
            }


def needed(watched: Collection[Name], room: Room) -> int:
    """Return how large `drift.max_streams` has to be to watch every measure of every application."""
    return of_whole_apps(watched) + len(room.measures)


def without_room(watched: Collection[Name], memory: Memory, settings: DriftSettings, now: datetime) -> Room:
    """Return what came lately and found no room, as far as it is remembered."""
    if len(watched) < settings.max_streams:
        return Room([], [])
    names = _lately(memory, now) if of_whole_apps(watched) >= settings.max_streams else ()
    measures = [name for name in names if name not in watched and name.metric not in settings.ignore]
    measures.sort(key=lambda name: (name.app, not is_core(name.metric), name.metric))
    seen = {segment_key(name) for name in watched}
    lacking = (segment_of(key) for key, n in memory.candidates.items() if n >= ENOUGH and key not in seen)
    return Room(measures, sorted(segment for segment in lacking if segment is not None))


def _lately(memory: Memory, now: datetime) -> Iterator[Name]:
    """The measures that found no room and had some traffic, of which the last came lately."""
    for app, measures in memory.crowded_out.items():
        yield from (
            Name(m, app, ALL) for m, one in measures.items() if one.n >= ENOUGH and one.day > _day(now) - LATELY
        )


def crowded_out(
    known: Mapping[str, Mapping[str, Crowded]], unfed: Mapping[Name, int], now: datetime
) -> dict[str, dict[str, Crowded]]:
    """Return what is remembered of measures of whole apps that found no room, with their traffic of a batch.

    At most `MOST` apps, and so many measures of each: those that came last.
    """
    after, day = {app: dict(measures) for app, measures in known.items()}, _day(now)
    for name, n in unfed.items():
        if name.segment == ALL:
            of = after.setdefault(name.app, {})
            of[name.metric] = Crowded(n + (of[name.metric].n if name.metric in of else 0), day)
    newest = sorted(after, key=lambda app: max(one.day for one in after[app].values()))[-MOST:]
    return {app: dict(sorted(after[app].items(), key=lambda item: item[1].day)[-MOST:]) for app in newest}


def _day(now: datetime) -> int:
    return int(now.timestamp() // 86_400)


def _named(names: Sequence[str], noun: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({', '.join(names[:SHOWN])}{more})"
