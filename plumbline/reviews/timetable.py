"""When a review opens by itself, when one ends by itself, and what is said of those that wait."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from monitor.config.schema import Day, ReviewSettings
from monitor.wording import minute

LATE: Final = timedelta(days=3)
"""A week's review that could not open in so long after its time is left out."""


def last_time(settings: ReviewSettings, now: datetime) -> datetime | None:
    """Return the last time at which a review was to open, None where none ever is.

    The clock on the wall of the team counts: over a change of clocks a week has an hour more or less.
    """
    if settings.day == "never":
        return None
    hour, _, minutes = settings.at.partition(":")
    local = now.astimezone(ZoneInfo(settings.timezone))
    back = (local.weekday() - get_args(Day).index(settings.day)) % 7
    for days in (back, back + 7):
        day = local.date() - timedelta(days=days)
        at = datetime.combine(day, time(int(hour), int(minutes)), local.tzinfo).astimezone(UTC)
        if at <= now:
            return at
    return None


def missing(settings: ReviewSettings, known: list[dict[str, Any]], now: datetime) -> list[tuple[datetime, str | None]]:
    """Return the reviews that are to be opened now: (as of when, app). `known` are those there are, however they were opened."""
    at = last_time(settings, now)
    if at is None or now - at > LATE:
        return []
    wanted: tuple[str | None, ...] = settings.apps or (None,)
    there = {(row["opened_at"], row["app"]) for row in known}
    return [(at, app) for app in wanted if (at, app) not in there]


def waits(row: dict[str, Any]) -> str:
    """Return how an open review stands, in a sentence."""
    left = row["n_items"] - row["erased"] - row["n_done"]
    about = f" of {row['app']}" if row["app"] else ""
    return f"Review {row['id']}: {left} of {row['n_items']} answers{about} wait until {minute(row['due_at'])}."
