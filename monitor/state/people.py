"""Rows of people: name, role, how each signs in, and whose texts each may see."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import CREDENTIALS, PEOPLE

_HERE = PEOPLE.c.revoked_at.is_(None)


@dataclass(frozen=True)
class Person:
    """Somebody who has not left; `apps` are the applications whose texts are seen, None is all of them."""

    name: str
    role: str
    apps: frozenset[str] | None
    password: str | None


def add(txn: Transaction, name: str, role: str, apps: Collection[str] | None, now: datetime) -> bool:
    """Add a person, or bring a revoked one back in a new role; False when the name is taken."""
    told = None if apps is None else json.dumps(sorted(apps))
    fresh = {"name": name, "role": role, "apps": told, "password": None, "added_at": now, "revoked_at": None}
    back = insert(PEOPLE).on_conflict_do_update(index_elements=["name"], set_=fresh, where=~_HERE)
    return txn.execute(back, fresh).rowcount > 0


def revoke(txn: Transaction, name: str, now: datetime) -> bool:
    """End what a person may do, from the next call on; False when there is nobody of that name."""
    gone = update(PEOPLE).where(PEOPLE.c.name == name, _HERE).values(revoked_at=now, password=None)
    return txn.execute(gone).rowcount > 0


def set_password(txn: Transaction, name: str, hashed: str) -> bool:
    """Let a person sign in by the password behind `hashed`; False when there is nobody of that name."""
    return txn.execute(update(PEOPLE).where(PEOPLE.c.name == name, _HERE).values(password=hashed)).rowcount > 0


def named(txn: Transaction, name: str) -> Person | None:
    """Return who is called `name` and has not left."""
    row = txn.execute(select(PEOPLE).where(PEOPLE.c.name == name, _HERE)).first()
    if row is None:
        return None
    return Person(row.name, row.role, None if row.apps is None else frozenset(json.loads(row.apps)), row.password)


def listed(txn: Transaction) -> list[dict[str, Any]]:
    """Return everybody, also who has left: name, role, apps, password (whether there is one), sessions, added_at, revoked_at."""
    session = (CREDENTIALS.c.kind == "session") & CREDENTIALS.c.ended_at.is_(None)
    sessions = (
        select(func.count()).where(session, CREDENTIALS.c.name == PEOPLE.c.name).correlate(PEOPLE).scalar_subquery()
    )
    query = select(PEOPLE, sessions.label("sessions")).order_by(PEOPLE.c.name)
    return [_public(row) for row in txn.execute(query).mappings()]


def _public(row: Any) -> dict[str, Any]:
    told = {name: row[name] for name in ("name", "role")}
    told["apps"] = None if row["apps"] is None else json.loads(row["apps"])
    told["password"] = row["password"] is not None
    return told | {name: row[name] for name in ("sessions", "added_at", "revoked_at")}
