"""Rows of legal holds: what is held, who answers for it and why, and when somebody must look again."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import HOLDS

_STANDS = HOLDS.c.released_at.is_(None)


@dataclass(frozen=True)
class Hold:
    """One hold that stands; `forms` are the ways in which what it holds may be written down."""

    id: int
    kind: str
    forms: frozenset[str]
    owner: str
    reason: str
    until: datetime


def add(
    txn: Transaction,
    kind: str,
    forms: Collection[str],
    owner: str,
    reason: str,
    until: datetime,
    made_by: str,
    now: datetime,
) -> int:
    """Add a hold and return its number."""
    row = {"kind": kind, "forms": json.dumps(sorted(forms)), "owner": owner, "reason": reason, "until": until}
    fresh = insert(HOLDS).values(**row, made_by=made_by, made_at=now).returning(HOLDS.c.id)
    return int(txn.execute(fresh).scalar_one())


def release(txn: Transaction, number: int, released_by: str, now: datetime) -> bool:
    """Let go of what is held, and forget what it was; False where no such hold stands."""
    gone = {"forms": None, "released_by": released_by, "released_at": now}
    return txn.execute(update(HOLDS).where(HOLDS.c.id == number, _STANDS).values(**gone)).rowcount > 0


def standing(txn: Transaction) -> list[Hold]:
    """Return the holds that stand, also those past due, oldest first."""
    rows = txn.execute(select(HOLDS).where(_STANDS).order_by(HOLDS.c.id))
    return [Hold(r.id, r.kind, frozenset(json.loads(r.forms)), r.owner, r.reason, r.until) for r in rows]


def listed(txn: Transaction) -> list[dict[str, Any]]:
    """Return every hold, also released ones, without what it holds: that is known to who made it."""
    columns = [column for column in HOLDS.c if column.name != "forms"]
    return [dict(row) for row in txn.execute(select(*columns).order_by(HOLDS.c.id)).mappings()]
