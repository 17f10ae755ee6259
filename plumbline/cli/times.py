"""Instants and lengths of time as people write them on a command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.clock import SystemClock
from monitor.config.durations import parse_duration
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


def parse_span(text: str, option: str) -> timedelta:
    """Return the length of time that `text` names; `option` names it in the error.

    >>> parse_span("90m", "--last")
    datetime.timedelta(seconds=5400)
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from None


def until_now(last: str) -> tuple[datetime, datetime]:
    """Return the stretch of time of length `last` that ends now; what is stored this second is in it."""
    span, now = parse_span(last, "--last"), SystemClock().now().astimezone(UTC)
    return now - span, now + timedelta(seconds=1)
