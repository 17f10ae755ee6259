"""A problem of a source as a value, and how its numbers are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from monitor.diagnosis.fixes import Fix

Severity = Literal["bad", "warn", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("bad", "warn", "note")
"""Something is lost or wrong; something cannot be told; there is more to be had."""

ENOUGH: Final = 5
"""Calls, or spans, before a share of them is worth a word."""


@dataclass(frozen=True)
class Problem:
    """One thing to mend: what was seen, why it matters, what to do. `voice` names the instrumentation it is about."""

    code: str
    severity: Severity
    what: str
    why: str
    fix: Fix
    voice: str | None = None


def percent(part: float, whole: float) -> str:
    """Return a share in whole percent; a small one is not said to be nothing."""
    return f"{100 * part / whole:.0f} %" if part == 0 or part / whole >= 0.01 else "under 1 %"


def stretch(seconds: float) -> str:
    """Return a length of time in the largest unit of which it holds at least two."""
    amount = abs(seconds)
    for name, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if amount >= 2 * size:
            return f"{amount / size:.0f} {name}"
    return f"{amount:.0f} seconds"
