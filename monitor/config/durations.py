"""Durations as people write them: "30s", "4h", "7d"."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORM = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` names.

    >>> parse_duration("90m")
    datetime.timedelta(seconds=5400)
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and one of s, m, h, d, w, such as 30s or 7d")
    number, unit = match.groups()
    return timedelta(**{_UNITS[unit]: float(number)})


def show_duration(span: timedelta) -> str:
    """Return `span` in the largest unit that keeps it short.

    >>> show_duration(timedelta(days=365))
    '365d'
    """
    seconds = span.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
