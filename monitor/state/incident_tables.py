"""The tables of incidents in the control state. Times are UTC; NULL means unknown."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text

from monitor.state.tables import Instant

OF_INCIDENTS: Final = MetaData()

INCIDENTS: Final = Table(
    "incidents",
    OF_INCIDENTS,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("weighed", Text, nullable=False),  # JSON: harm, reach, reversibility, 1 to 3 each
    Column("playbook", Text, nullable=False),  # name of a playbook
    Column("owner", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("opened_by", Text, nullable=False),  # a person, or the rule that opened it
    Column("closed_at", Instant),
    Column("closed_by", Text),
    Column("review", Text),  # what was learnt, written when it was closed
    Column("n_users", Integer),  # as far as was known last
    Column("n_turns", Integer),
)

INCIDENT_ALERTS: Final = Table(
    "incident_alerts",
    OF_INCIDENTS,
    Column("incident", Integer, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("episode", Integer, primary_key=True),
    Index("incident_alerts_of", "fingerprint"),
)

INCIDENT_EVENTS: Final = Table(
    "incident_events",
    OF_INCIDENTS,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("incident", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("person", Text, nullable=False),
    Column("kind", Text, nullable=False),  # opened | note | task | done | hold | closed
    Column("text", Text, nullable=False),
    Index("incident_events_of", "incident", "id"),
)
"""What people did. Rows are only ever added."""
