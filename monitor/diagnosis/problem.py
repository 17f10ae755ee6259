"""A problem of a source as a value."""

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
