"""What finds no room among the streams (`drift.max_streams`), by application: measures of the whole of it, and parts of its traffic."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.config.schema import DriftSettings
from monitor.drift.admission import ENOUGH, of_whole_apps, segment_key
from monitor.drift.batch import ALL, Name
from monitor.drift.finding_sentences import segment_words
from monitor.drift.kinds import is_core
from monitor.drift.state import Memory
from monitor.measures import measure

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

    def rows(self, most: int) -> Iterator[dict[str, str]]:
        """Yield app, what and why, one row for each application that lacks something."""
        for app in self.apps():
            lacking = [name.metric for name in self.measures if name.app == app]
            parts = [segment for of, segment in self.segments if of == app]
            said = [
                _named([measure(metric).name for metric in lacking], "measure"),
                _named([segment_words(part) for part in parts], "segment"),
            ]
            yield {
                "app": app,
                "what": f"{segment_words(app)}: {'; '.join(filter(None, said))}",
                "why": f"no room beside {most} streams (drift.max_streams)",
            }


def needed(watched: Collection[Name], room: Room) -> int:
    """Return how large `drift.max_streams` has to be to watch every measure of every application."""
    return of_whole_apps(watched) + len(room.measures)


def without_room(watched: Collection[Name], memory: Memory, settings: DriftSettings) -> Room:
    """Return what came and found no room, as far as it is remembered."""
    if len(watched) < settings.max_streams:
        return Room([], [])
    names = (_measure_of(key) for key in memory.refused) if of_whole_apps(watched) >= settings.max_streams else ()
    measures = [name for name in names if name not in watched and name.metric not in settings.ignore]
    measures.sort(key=lambda name: (name.app, not is_core(name.metric), name.metric))
    seen = {segment_key(name) for name in watched}
    lacking = [key.split("\x1f") for key, n in memory.candidates.items() if n >= ENOUGH and key not in seen]
    return Room(measures, sorted((app, segment) for app, segment in lacking))


def refused_key(name: Name) -> str:
    """Return under what name the traffic of a measure of a whole app is counted that found no room."""
    return f"{name.app}\x1f{name.metric}"


def refused(counts: Mapping[Name, int], watched: Collection[Name]) -> dict[str, int]:
    """Return the traffic of a batch of the measures of whole apps that are not watched."""
    return {refused_key(name): n for name, n in counts.items() if name.segment == ALL and name not in watched}


def _measure_of(key: str) -> Name:
    app, _, metric = key.partition("\x1f")
    return Name(metric, app, ALL)


def _named(names: Sequence[str], noun: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({', '.join(names[:SHOWN])}{more})"
