"""The table of requests to erase in the control state. Times are UTC; NULL means unknown."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text

from monitor.state.tables import Instant

OF_ERASURES: Final = MetaData()

ERASURE_REQUESTS: Final = Table(
    "erasure_requests",
    OF_ERASURES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("trace_id", Text),  # NULL once the trace is erased, or too old to be kept
    Column("apps", Text, nullable=False),  # JSON: whose trace it is
    Column("reason", Text),  # NULL with the trace: it may tell what was in it
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("outcome", Text),  # NULL: open | erased | refused | aged (the trace went with its age)
    Column("ended_by", Text),  # who erased or refused; NULL where something else took the trace away
    Column("ended_at", Instant),
    Column("why", Text),  # why it was refused; NULL with the trace, too
    # Two open requests for one trace cannot be stored, whatever a caller does.
    Index("erasure_requests_open", "trace_id", unique=True, sqlite_where=Column("outcome").is_(None)),
)
