"""Users who are a large part of an app's traffic: when one comes, goes or changes what they ask for, every metric moves.

They are counted in a few counters an app (Misra and Gries 1982), halved now and then so that the present counts. Only their
names are kept, written as `user_id=NAME`, which is how erasure finds a person in the state of a stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HEAVY_USER: Final = "heavy_user"
"""The column of a batch that names the heavy user of a turn."""

HEAVY: Final = 0.1
"""Share of an app's turns from which on a user is heavy."""

ENOUGH: Final = 200
"""Turns of an app before anybody is."""

_COUNTERS: Final = 20
_MEMORY: Final = 2_000

Counts = dict[str, int]


def count_users(known: Mapping[str, Counts], fresh: Mapping[str, Mapping[str, int]]) -> dict[str, Counts]:
    """Return per app the counters after `fresh` turns by user; the counter "" holds all turns of the app.

    >>> count_users({}, {"shop": {"": 5, "a": 3}})
    {'shop': {'': 5, 'a': 3}}
    """
    return {app: _counted(known.get(app, {}), fresh.get(app, {})) for app in dict.fromkeys([*known, *fresh])}


def heavy_users(counts: Mapping[str, Counts]) -> set[tuple[str, str]]:
    """Return the heavy users, each with its app.

    >>> sorted(heavy_users({"shop": {"": 300, "a": 180, "b": 12}}))
    [('shop', 'a')]
    """
    return {
        (app, user)
        for app, of_app in counts.items()
        for user, n in of_app.items()
        if user and of_app[""] >= ENOUGH and n >= HEAVY * of_app[""]
    }


def _counted(known: Mapping[str, int], fresh: Mapping[str, int]) -> Counts:
    sums = {user: known.get(user, 0) + fresh.get(user, 0) for user in dict.fromkeys([*known, *fresh])}
    while sums[""] > _MEMORY and fresh:
        sums = {user: n // 2 for user, n in sums.items()}
    total = sums.pop("")
    kept = sorted(sums.items(), key=lambda pair: -pair[1])
    loss = kept[_COUNTERS][1] if len(kept) > _COUNTERS else 0
    return {"": total, **{user: n - loss for user, n in kept[:_COUNTERS] if n > loss}}
