"""What people and deploy scripts said was changed, as marks on a chart."""

from __future__ import annotations

from datetime import datetime

from dashboards.numbers import utc
from dashboards.scope import Context


def told_marks(context: Context, start: datetime, end: datetime, app: str | None) -> list[tuple[datetime, str]]:
    """Return when something was changed in `app` (None: anywhere), and what."""
    rows = context.agent.read("told_changes", start=start, end=end, app=app)
    return [(utc(row["time"]), f"{row['kind']}: {row['what']}") for row in rows]
