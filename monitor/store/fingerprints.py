"""By what the calls of an app were served, before a change and since: fingerprints that providers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.clock import naive_utc
from monitor.store.reads import Reader

AROUND: Final = timedelta(days=7)
"""How long before a change, and since, calls are looked at."""


@dataclass(frozen=True)
class Served:
    """Calls by fingerprint before and since, and when each fingerprint was seen first."""

    before: Mapping[str, int]
    since: Mapping[str, int]
    began: Mapping[str, datetime]


def served(reader: Reader, app: str, low: datetime, high: datetime, now: datetime) -> Served:
    """Return how the calls of `app` were served before `low` and from `high` on, as of `now`: a replay knows of later ones."""
    first, last = naive_utc(low), naive_utc(high)
    rows = reader.frame(
        """SELECT fingerprint, count(*) FILTER (time < $low) AS before, count(*) FILTER (time >= $high) AS since, min(time) AS began
           FROM base.spans
           WHERE app = $app AND fingerprint IS NOT NULL AND time >= $start AND time < $end AND time <= $now
           GROUP BY fingerprint ORDER BY fingerprint""",
        {"app": app, "low": first, "high": last, "start": first - AROUND, "end": last + AROUND, "now": naive_utc(now)},
    )
    named = list(rows.iter_rows())
    return Served(
        {name: before for name, before, _, _ in named if before},
        {name: since for name, _, since, _ in named if since},
        {name: began for name, _, _, began in named},
    )
