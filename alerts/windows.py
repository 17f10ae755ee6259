"""Mute windows: whether an instant lies in one, on the clock of its zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerts.rules import Mute

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def covers(mute: Mute, now: datetime) -> bool:
    """Whether `now` lies in the window; one that passes midnight belongs to the day on which it began."""
    here = now.astimezone(ZoneInfo(mute.zone))
    if "T" in mute.start:
        start, end = (datetime.fromisoformat(at).replace(tzinfo=here.tzinfo) for at in (mute.start, mute.end))
        return start <= here < end
    start_at, end_at = time.fromisoformat(mute.start), time.fromisoformat(mute.end)
    if start_at <= end_at:
        return _on(mute, here) and start_at <= here.time() < end_at
    if here.time() >= start_at:
        return _on(mute, here)
    return here.time() < end_at and _on(mute, here - timedelta(days=1))


def _on(mute: Mute, day: datetime) -> bool:
    return not mute.days or DAYS[day.weekday()] in mute.days
