"""Times as exports write them: ISO 8601 with or without a zone, `YYYY-MM-DD HH:MM:SS.ffffff`, or a number since 1970."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

SCALES: Final = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))
"""Below this number it is seconds, milliseconds, microseconds or nanoseconds; the factor makes microseconds of it."""


def microseconds(value: Any) -> int | None:
    """Return microseconds since 1970, UTC; None when nothing is said. Raises `ValueError` for what is no time."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return since_1970(value)
    try:
        number = float("no" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        return since_1970(datetime.fromisoformat(str(value).strip()))
    if not math.isfinite(number):
        return None
    scale = next((scale for limit, scale in SCALES if abs(number) < limit), SCALES[-1][1])
    return round(number * scale)


def nanoseconds(value: Any) -> int:
    """Return nanoseconds since 1970, and 0 for what is missing, before 1970 or no time: OTLP's word for unknown."""
    try:
        found = microseconds(value)
    except (ValueError, OverflowError):
        return 0
    return max(0, found or 0) * 1000


def since_1970(instant: datetime) -> int:
    """Return microseconds; an instant without a zone is UTC."""
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    return (aware - EPOCH) // timedelta(microseconds=1)
