"""What an alert has to fit to be meant, as people write it: `app=shop`, one a line."""

from __future__ import annotations

from typing import Final

from alerts.message import clean
from alerts.rules import SIGNALS
from monitor.errors import UsageError

OF_ALERTS: Final = ("severity", "category", "id", "signal", "owner", "incident", "page")
"""What can be asked for of any alert; the labels of signals come on top."""


def conditions(text: str) -> dict[str, str]:
    """Return what an alert has to fit, from one `key=value` a line. Raises `UsageError`.

    >>> conditions("app=shop")
    {'app': 'shop'}
    """
    known = [*OF_ALERTS, *dict.fromkeys(label for kind in SIGNALS.values() for label in kind.labels)]
    where = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, found, value = (part.strip() for part in line.partition("="))
        if not found or not value or key not in known:
            raise UsageError(f"{clean(line, 60)!r} is no condition; write KEY=VALUE with one of {', '.join(known)}")
        where[key] = value
    if not where:
        raise UsageError("which alerts? give at least one condition, such as app=shop")
    return where
