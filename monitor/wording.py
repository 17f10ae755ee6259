"""Shares and instants as our sentences say them: the one place where that is written. The dashboard has its own, by contract."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from monitor.clock import naive_utc


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share of 1 in percent; one that is not known is called so.

    >>> percent(0.125, 1), percent(0.125), percent(None)
    ('12.5 %', '12 %', 'unknown')
    """
    return "unknown" if share is None else f"{100 * share:.{digits}f} %"


def portion(part: float, whole: float) -> str:
    """Return `part` of `whole` in whole percent; a small one is not said to be nothing.

    >>> portion(0, 1000), portion(1, 1000), portion(1000, 1000)
    ('0 %', 'under 1 %', '100 %')
    """
    return percent(part / whole) if part == 0 or part / whole >= 0.01 else "under 1 %"


def counted(number: int, noun: str) -> str:
    """Return how many of something there are.

    >>> counted(1, "user"), counted(1200, "user")
    ('1 user', '1,200 users')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def minute(instant: datetime | str) -> str:
    """Return an instant, or its ISO text of the api, to the minute; UTC where it names no zone, and it says so.

    >>> minute(datetime(2026, 3, 1, 9, 30, 59))
    '2026-03-01 09:30 UTC'
    """
    return f"{bare_minute(instant)} UTC"


def bare_minute(instant: datetime | str) -> str:
    """Return what `minute` returns without UTC: beside an instant that says so."""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return f"{naive_utc(moment):%Y-%m-%d %H:%M}"


def bare_second(instant: datetime) -> str:
    """Return what `bare_minute` returns, to the second."""
    return f"{naive_utc(instant):%Y-%m-%d %H:%M:%S}"


def stretch(seconds: float) -> str:
    """Return a length of time in the largest unit of which it holds at least two.

    >>> stretch(119), stretch(120), stretch(-7200)
    ('119 seconds', '2 minutes', '2 hours')
    """
    amount = abs(seconds)
    for name, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if amount >= 2 * size:
            return f"{amount / size:.0f} {name}"
    return f"{amount:.0f} seconds"


OPEN: Final = "open"
CLOSED: Final = {
    "returned": "The change returned to what it was before",
    "accepted": "The change was accepted as the new normal",
    "expired": "The change expired: it has become the new normal",
}
"""How a change that was found ends, in words."""


def plain_line(text: str) -> str:
    r"""Return what somebody wrote as one line of plain text.

    >>> plain_line("new\nprompt \x1b[31m")
    'new prompt [31m'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
