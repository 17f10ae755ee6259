"""Rows of incidents, of the alerts they are about, and of what people did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.incident_tables import INCIDENT_ALERTS, INCIDENT_EVENTS, INCIDENTS
from monitor.state.opening import Transaction

Row = dict[str, Any]


def add(txn: Transaction, row: Row) -> int:
    """Add an incident and return its number."""
    return int(txn.execute(insert(INCIDENTS).values(**row).returning(INCIDENTS.c.number)).scalar_one())


def change(txn: Transaction, number: int, **changes: Any) -> None:
    """Write what has changed of one incident."""
    txn.execute(update(INCIDENTS).where(INCIDENTS.c.number == number).values(**changes))


def link(txn: Transaction, number: int, fingerprint: str, episode: int) -> None:
    """Say that an incident is about one episode of an alert."""
    row = {"incident": number, "fingerprint": fingerprint, "episode": episode}
    txn.execute(insert(INCIDENT_ALERTS).on_conflict_do_nothing(), row)


def add_event(txn: Transaction, number: int, at: datetime, person: str, kind: str, text: str) -> None:
    """Add one line to the timeline."""
    row = {"incident": number, "at": at, "person": person, "kind": kind, "text": text}
    txn.execute(insert(INCIDENT_EVENTS), row)


def numbered(txn: Transaction, number: int) -> Row | None:
    """Return one incident, or None."""
    row = txn.execute(select(INCIDENTS).where(INCIDENTS.c.number == number)).mappings().first()
    return None if row is None else dict(row)


def listed(txn: Transaction) -> list[Row]:
    """Return every incident, oldest first."""
    return [dict(row) for row in txn.execute(select(INCIDENTS).order_by(INCIDENTS.c.number)).mappings()]


def alerts_of(txn: Transaction, number: int) -> list[tuple[str, int]]:
    """Return the episodes of alerts that an incident is about."""
    query = select(INCIDENT_ALERTS.c.fingerprint, INCIDENT_ALERTS.c.episode).where(INCIDENT_ALERTS.c.incident == number)
    return [(fingerprint, episode) for fingerprint, episode in txn.execute(query)]


def about(txn: Transaction, fingerprint: str, episode: int) -> int | None:
    """Return the number of the incident that is open about an episode of an alert, or None."""
    same = (INCIDENT_ALERTS.c.fingerprint == fingerprint) & (INCIDENT_ALERTS.c.episode == episode)
    query = select(INCIDENTS.c.number).join(INCIDENT_ALERTS, INCIDENT_ALERTS.c.incident == INCIDENTS.c.number)
    found: int | None = txn.execute(query.where(same, INCIDENTS.c.closed_at.is_(None))).scalar()
    return found


def events(txn: Transaction, number: int | None = None) -> list[Row]:
    """Return what people did, oldest first; of one incident, or of all."""
    query = select(INCIDENT_EVENTS).order_by(INCIDENT_EVENTS.c.id)
    if number is not None:
        query = query.where(INCIDENT_EVENTS.c.incident == number)
    return [dict(row) for row in txn.execute(query).mappings()]


def erase(txn: Transaction, change_text: Callable[[str], str]) -> int:
    """Apply `change_text` to every text of incidents; return how many rows it changed."""
    changed = 0
    for table, key, names in (
        (INCIDENTS, INCIDENTS.c.number, ("title", "review")),
        (INCIDENT_EVENTS, INCIDENT_EVENTS.c.id, ("text",)),
    ):
        for row in txn.execute(select(key, *(table.c[name] for name in names))).mappings().all():
            told = {name: change_text(row[name]) for name in names if row[name] is not None}
            if any(told[name] != row[name] for name in told):
                txn.execute(update(table).where(key == row[key.name]).values(told))
                changed += 1
    return changed
