"""Rows of people: name, role, and the digest of the key by which each is known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import PEOPLE


def add(txn: Transaction, name: str, role: str, credential: str, now: datetime) -> bool:
    """Add a person, or bring a revoked one back with a new role and credential; False when the name is taken."""
    fresh = {"name": name, "role": role, "credential": credential, "added_at": now, "revoked_at": None}
    back = insert(PEOPLE).on_conflict_do_update(
        index_elements=["name"], set_=fresh, where=PEOPLE.c.revoked_at.is_not(None)
    )
    return txn.execute(back, fresh).rowcount > 0


def revoke(txn: Transaction, name: str, now: datetime) -> bool:
    """End what a person may do, from the next call on; False when there is nobody of that name."""
    known = (PEOPLE.c.name == name) & PEOPLE.c.revoked_at.is_(None)
    return txn.execute(update(PEOPLE).where(known).values(revoked_at=now)).rowcount > 0


def holder(txn: Transaction, credential: str) -> tuple[str, str] | None:
    """Return name and role of whoever holds a credential that stands, or None."""
    query = select(PEOPLE.c.name, PEOPLE.c.role).where(PEOPLE.c.credential == credential, PEOPLE.c.revoked_at.is_(None))
    row = txn.execute(query).first()
    return None if row is None else (row.name, row.role)


def listed(txn: Transaction) -> list[dict[str, Any]]:
    """Return everybody, also who has left: name, role, added_at, revoked_at."""
    names = ("name", "role", "added_at", "revoked_at")
    query = select(*(PEOPLE.c[name] for name in names)).order_by(PEOPLE.c.name)
    return [dict(row) for row in txn.execute(query).mappings()]
