"""Silence of a source that usually sends: for how long, and how long it usually pauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.diagnosis.check import Check
from monitor.diagnosis.facts import Facts
from monitor.diagnosis.fixes import Fix
from monitor.wording import minute, stretch

SILENT_S: Final = 7200.0
SILENT_TIMES: Final = 1.5
HABITUAL_H: Final = 12


@dataclass(frozen=True)
class Silence:
    """Seconds since a source was last heard, `since` (naive UTC), and the longest of its usual pauses in seconds."""

    since: datetime
    quiet_s: float
    usual_s: float


def silences(source: Facts, now: datetime) -> list[Silence]:
    """Return the silence of `source` at `now`: none where it has no habit yet, or is the demo, which stops by itself."""
    habit = source.habit
    if habit is None or habit.usual_gap_s is None or habit.n_hours < HABITUAL_H or source.is_demo:
        return []
    since = source.last_seen or habit.last_hour
    return [Silence(since, (now - since).total_seconds(), habit.usual_gap_s)]


def _silent(silence: Silence) -> str | None:
    if silence.quiet_s <= max(SILENT_S, SILENT_TIMES * silence.usual_s):
        return None
    return (
        f"silent for {stretch(silence.quiet_s)}, since {minute(silence.since)}; it usually pauses for at most "
        f"{stretch(silence.usual_s)}"
    )


CHECKS: Final[tuple[Check[Silence], ...]] = (
    Check(
        "silent",
        "warn",
        _silent,
        "No data is not no traffic: the application may be serving users unwatched.",
        Fix(
            "Look whether it runs, and whether it can reach the collector",
            ("curl -sS -X POST -H 'content-type: application/json' -d '{}' $OTEL_EXPORTER_OTLP_ENDPOINT/v1/traces",),
        ),
    ),
)
