"""Rows of what lies on whose desk in a review: locks with their time, what was put off, and drafts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.review_tables import REVIEW_DESKS, REVIEW_ITEMS
from monitor.state.tables import LABELS

Row = dict[str, Any]
_KEY: Final = ("review_id", "unit_id", "person")


def waiting(
    txn: Transaction, review_id: str, person: str, now: datetime, apart: Collection[str] = (), first: str | None = None
) -> list[Row]:
    """Return the items of a review that `person` may look at next, in that order: begun, new, put off.

    Those are not there that the person has judged, that belong to others, or that enough people have judged or have on their desks; people
    `apart` are not among those. With `first`, the items of that stratum alone are there, whoever has judged them, while any are left.
    """
    mine, others = _desks(txn, review_id, person, now)
    judged = _judged(txn, review_id)
    columns = (REVIEW_ITEMS.c[name] for name in ("number", "unit_id", "app", "need", "severe", "assigned", "stratum"))
    there = (REVIEW_ITEMS.c.review_id == review_id, REVIEW_ITEMS.c.unit_id.is_not(None))
    found, known = [], []
    for row in txn.execute(select(*columns).where(*there).order_by(REVIEW_ITEMS.c.number)).mappings():
        unit, names = row["unit_id"], json.loads(row["assigned"])
        judges = judged.get(unit, set())
        if person in judges:
            continue
        if row["stratum"] == first:
            known.append(dict(row) | {"desk": mine.get(unit)})
        busy = (judges | others.get(unit, set())) - set(apart)
        if len(busy) < row["need"] and (not names or person in names):
            found.append(dict(row) | {"desk": mine.get(unit)})
    return sorted(known or found, key=_turn)


def _turn(row: Row) -> tuple[int, int]:
    desk = row["desk"]
    if desk is None:
        return (1, row["number"])
    return (2 if desk["skipped_at"] else 0, row["number"])


def _desks(txn: Transaction, review_id: str, person: str, now: datetime) -> tuple[dict[str, Row], dict[str, set[str]]]:
    mine: dict[str, Row] = {}
    others: dict[str, set[str]] = {}
    live = or_(REVIEW_DESKS.c.until > now, REVIEW_DESKS.c.person == person)
    for row in txn.execute(select(REVIEW_DESKS).where(REVIEW_DESKS.c.review_id == review_id, live)).mappings():
        if row["person"] == person:
            mine[row["unit_id"]] = dict(row)
        else:
            others.setdefault(row["unit_id"], set()).add(row["person"])
    return mine, others


def _judged(txn: Transaction, review_id: str) -> dict[str, set[str]]:
    query = select(LABELS.c.unit_id, LABELS.c.person).where(LABELS.c.review_id == review_id).distinct()
    found: dict[str, set[str]] = {}
    for unit, person in txn.execute(query):
        found.setdefault(unit, set()).add(person)
    return found


def judges(txn: Transaction, review_id: str) -> set[str]:
    """Return who has judged anything in a review."""
    return set(txn.execute(select(LABELS.c.person).where(LABELS.c.review_id == review_id).distinct()).scalars())


def done_by(txn: Transaction, review_id: str, person: str) -> int:
    """Return how many items somebody has judged."""
    same = (LABELS.c.review_id == review_id, LABELS.c.person == person)
    return int(txn.execute(select(func.count(func.distinct(LABELS.c.unit_id))).where(*same)).scalar_one())


def hold(txn: Transaction, review_id: str, units: Iterable[str], person: str, until: datetime) -> None:
    """Put items on the desk of `person`, where nobody else is given them before `until`."""
    for unit in units:
        row = {"review_id": review_id, "unit_id": unit, "person": person, "until": until}
        again = insert(REVIEW_DESKS).values(row).on_conflict_do_update(index_elements=_KEY, set_={"until": until})
        txn.execute(again)


def skip(txn: Transaction, review_id: str, unit: str, person: str, now: datetime) -> None:
    """Put an item off: others may have it, and it comes back to `person` last."""
    row = {"review_id": review_id, "unit_id": unit, "person": person, "until": now, "skipped_at": now}
    later = {"until": now, "skipped_at": now}
    txn.execute(insert(REVIEW_DESKS).values(row).on_conflict_do_update(index_elements=_KEY, set_=later))


def draft(txn: Transaction, review_id: str, unit: str, person: str, told: Row, until: datetime) -> None:
    """Keep what somebody has begun to say."""
    row = {"review_id": review_id, "unit_id": unit, "person": person, "until": until, "draft": json.dumps(told)}
    kept = {"until": until, "draft": row["draft"], "skipped_at": None}
    txn.execute(insert(REVIEW_DESKS).values(row).on_conflict_do_update(index_elements=_KEY, set_=kept))


def clear(txn: Transaction, review_id: str, unit: str, person: str) -> None:
    """Take an item off a desk."""
    same = (REVIEW_DESKS.c.review_id == review_id, REVIEW_DESKS.c.unit_id == unit, REVIEW_DESKS.c.person == person)
    txn.execute(delete(REVIEW_DESKS).where(*same))
