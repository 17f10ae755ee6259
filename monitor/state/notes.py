"""Rows of notes: what people wrote beside a finding or a trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.spared import not_among
from monitor.state.tables import NOTES


def add(txn: Transaction, kind: str, subject: str, apps: Collection[str], author: str, text: str, now: datetime) -> int:
    """Add a note and return its number."""
    row = {
        "kind": kind,
        "subject": subject,
        "apps": json.dumps(sorted(apps)),
        "author": author,
        "text": text,
        "at": now,
    }
    return int(txn.execute(insert(NOTES).values(**row).returning(NOTES.c.id)).scalar_one())


def numbered(txn: Transaction, number: int) -> dict[str, Any] | None:
    """Return one note, without what it says: kind, subject, author, at."""
    names = ("kind", "subject", "author", "at")
    row = txn.execute(select(*(NOTES.c[name] for name in names)).where(NOTES.c.id == number)).mappings().first()
    return None if row is None else dict(row)


def remove(txn: Transaction, number: int) -> bool:
    """Take a note away; False where there is none of that number."""
    return txn.execute(delete(NOTES).where(NOTES.c.id == number)).rowcount > 0


def on(txn: Transaction, subject: str) -> list[dict[str, Any]]:
    """Return the notes on a subject, oldest first: id, kind, subject, author, text, at."""
    names = ("id", "kind", "subject", "author", "text", "at")
    query = select(*(NOTES.c[name] for name in names)).where(NOTES.c.subject == subject).order_by(NOTES.c.id)
    return [dict(row) for row in txn.execute(query).mappings()]


def erase(txn: Transaction, change: Callable[[str], str]) -> int:
    """Take away the notes whose subject `change` would change, and change the texts of the others; return how many."""
    told = txn.execute(select(NOTES.c.id, NOTES.c.subject, NOTES.c.text)).all()
    gone = [row.id for row in told if change(row.subject) != row.subject]
    txn.execute(delete(NOTES).where(NOTES.c.id.in_(gone)))
    changed = [(row.id, change(row.text)) for row in told if row.id not in gone and change(row.text) != row.text]
    for number, text in changed:
        txn.execute(update(NOTES).where(NOTES.c.id == number).values(text=text))
    return len(gone) + len(changed)


def forget(txn: Transaction, app: str) -> int:
    """Take away the notes about one application; return how many."""
    told = txn.execute(select(NOTES.c.id, NOTES.c.apps)).all()
    gone = [row.id for row in told if app in json.loads(row.apps)]
    return txn.execute(delete(NOTES).where(NOTES.c.id.in_(gone))).rowcount


def let_go(txn: Transaction, kind: str, before: datetime, spared: Collection[str]) -> int:
    """Take away the notes of one kind that are older than that, but those on a subject in `spared`; return how many."""
    old = delete(NOTES).where(NOTES.c.kind == kind, NOTES.c.at < before, not_among(NOTES.c.subject, spared))
    return txn.execute(old).rowcount
