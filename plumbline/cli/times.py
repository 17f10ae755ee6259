"""Instants as people write them on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.errors import UsageError


def parse_instant(text: str, option: str) -> datetime:
    """Return the instant that ISO 8601 `text` names, UTC where it names no zone; `option` names it in the error.

    >>> parse_instant("2026-03-01", "--from").isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a time (write 2026-03-01 or 2026-03-01T12:00:00Z)") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
