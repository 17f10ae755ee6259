"""Which streams are watched: all apps first, what people act on before the rest, then segments.

A segment is named by values out of traces, where a mistake can make a new one with every request. So a segment is watched
only after it has shown some traffic, counted in a fixed number of counters (Misra and Gries 1982).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from monitor.drift.batch import ALL, Name
from monitor.drift.kinds import is_core

ENOUGH: Final = 25
"""Outputs a segment must have shown before it is watched."""

_COUNTERS: Final = 200


def count_candidates(candidates: Mapping[str, int], fresh: Mapping[str, int]) -> dict[str, int]:
    """Return the counters after `fresh` traffic; when there are too many, all lose as much as the smallest kept one has.

    >>> count_candidates({"a": 3}, {"a": 1, "b": 2})
    {'a': 4, 'b': 2}
    """
    sums = {name: candidates.get(name, 0) + fresh.get(name, 0) for name in [*candidates, *fresh]}
    if len(sums) <= _COUNTERS:
        return sums
    loss = sorted(sums.values(), reverse=True)[_COUNTERS]
    return {name: n - loss for name, n in sums.items() if n > loss}


def admit(known: Iterable[Name], counts: Mapping[Name, int], candidates: Mapping[str, int], cap: int) -> list[Name]:
    """Return the streams of a batch to feed.

    At most `cap` of whole apps are ever watched, and segments as long as there are no more streams than that in all: those that
    came early take no room from an app that comes later. `counts` is the traffic of the batch per stream, `candidates` that of
    segments so far. Streams once watched stay watched.
    """
    watched = set(known)
    fed = [name for name in counts if name in watched]
    new = [name for name in counts if name not in watched and _shown(name, candidates)]
    new.sort(key=lambda name: (not is_core(name.metric), -counts[name], name))
    whole = [name for name in new if name.segment == ALL][: max(0, cap - of_whole_apps(watched))]
    segments = [name for name in new if name.segment != ALL][: max(0, cap - len(watched) - len(whole))]
    return [*fed, *whole, *segments]


def of_whole_apps(watched: Iterable[Name]) -> int:
    """Return how many streams are of whole apps."""
    return sum(name.segment == ALL for name in watched)


@lru_cache(maxsize=20_000)
def segment_key(name: Name) -> str:
    """Return under what name the traffic of a segment is counted, whatever the metric."""
    return msgspec.json.encode((name.app, name.segment)).decode()


def segment_of(key: str) -> tuple[str, str] | None:
    """Return app and segment of such a name; None of one that an earlier version wrote."""
    try:
        return msgspec.json.decode(key, type=tuple[str, str])
    except msgspec.MsgspecError:
        return None


def _shown(name: Name, candidates: Mapping[str, int]) -> bool:
    return name.segment == ALL or candidates.get(segment_key(name), 0) >= ENOUGH
