"""The pace of applications: when their turns came, of those that came as they happened."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from monitor.store.reads import Reader


def app_pulse(reader: Reader, now: datetime) -> pl.DataFrame:
    """Return per app the pace of its live turns of the last three weeks (app, last, n, first).

    A turn is live when it was finished within an hour of its time; imported history has no pulse that could stop. Turns dated
    after `now` have a wrong clock and say nothing: else their app would not be silent before that time has come.
    """
    return reader.frame(
        """SELECT app, max(time) AS last, min(time) AS first, count(*) AS n FROM base.turns
           WHERE time > ? AND time <= ? AND finished_at - time < INTERVAL 1 HOUR GROUP BY app""",
        [now - timedelta(days=21), now],
    )


def live_turns(reader: Reader, app: str, after: datetime, until: datetime) -> int:
    """Return how many turns of `app` of after < time <= until are live, as `app_pulse` means it."""
    rows = reader.frame(
        """SELECT count(*) AS n FROM base.turns
           WHERE app = ? AND time > ? AND time <= ? AND finished_at - time < INTERVAL 1 HOUR""",
        [app, after, until],
    )
    return int(rows["n"][0])
