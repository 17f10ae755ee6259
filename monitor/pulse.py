"""Silence of an application, counted in the turns that usually come in such a time.

A mean gap would call every night and every weekend of an application that is used in office hours a silence. So the same hours one and two
weeks before say what usually comes; in the first week the days before of the same kind do, working days and weekends apart. The fewest of
them count, since what came once (a load test, an import) is no habit: an outage in the hours of one a week ago is not told. Where there is
none yet, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.clock import aware_utc, naive_utc
from monitor.model.values import About, Signal
from monitor.wording import stretch

MIN_TURNS: Final = 100
"""Below this many turns in three weeks nothing is usual, so silence means nothing."""

SHORTEST: Final = timedelta(minutes=1)
"""Turns become visible seconds after they came; a shorter silence is none."""

DAY: Final = timedelta(days=1)
WEEK: Final = 7 * DAY
SATURDAY: Final = 5

Came = Callable[[str, datetime, datetime], int]
"""How many live turns of an app came after one time and until another (naive UTC)."""


def pulse(row: Mapping[str, Any], now: datetime, came: Came) -> Signal:
    """How long an app has been silent, in turns that came in the same time before: 0 is normal, 200 are missed.

    `row` holds app, n, first and last of the live turns of three weeks (`Sight.pulses`). The value is None while nothing is usual yet.
    """
    app, last = row["app"], row["last"]
    at = naive_utc(now)
    value = _missed(row, at, came)
    usual = "" if value is None else f"; at least {value:,.0f} turns came in the same time before"
    return Signal(
        name="no_data",
        labels={"app": app},
        at=now,
        value=value,
        low=value,
        high=value,
        n=row["n"],
        since=aware_utc(last),
        examples=(),
        summary=f"{app} has been silent for {stretch((at - last).total_seconds())}{usual}",
        about=About(subject="silence", unit="", began=aware_utc(last)),
    )


def _missed(row: Mapping[str, Any], at: datetime, came: Came) -> float | None:
    """Return the fewest turns that came in a time like that since the last one."""
    app, first, last = row["app"], row["first"], row["last"]
    if row["n"] < MIN_TURNS:
        return None
    if at - last < SHORTEST:
        return 0.0
    counts = [came(app, last - back, at - back) for back in _before(first, last, at)]
    return float(min(counts)) if counts else None


def _before(first: datetime, last: datetime, at: datetime) -> list[timedelta]:
    """Return how far back the times lie that the one from `last` to `at` is held against, of an app that is known since `first`."""
    return [back for back in (WEEK, 2 * WEEK) if first <= last - back] or _days_like_it(first, last, at)


def _days_like_it(first: datetime, last: datetime, at: datetime) -> list[timedelta]:
    """Return how many days back the times lie that touch the same kinds of days as the one from `last` to `at`, since `first`."""
    kinds = _weekends(last, at)
    earlier = (days * DAY for days in range(1, 7))
    return [back for back in earlier if first <= last - back and _weekends(last - back, at - back) == kinds]


def _weekends(start: datetime, end: datetime) -> list[bool]:
    """Return of each day that a time touches whether it is one of a weekend (UTC)."""
    days = (end.date() - start.date()).days
    return [(start + n * DAY).weekday() >= SATURDAY for n in range(days + 1)]
