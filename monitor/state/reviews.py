"""Rows of reviews: what was frozen when one was opened, how far it is, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from monitor.state.opening import Transaction, raw_columns, raw_query
from monitor.state.review_tables import REVIEW_DESKS, REVIEW_ITEMS, REVIEW_WISHES, REVIEWS
from monitor.state.spared import not_among
from monitor.state.tables import LABELS

Row = dict[str, Any]
_JSON: Final = ("strata", "policies", "rules", "assigned", "results")
PUBLIC_ITEMS: Final = (
    *("review_id", "unit_id", "stratum", "inclusion_probability", "reason", "assigned", "policy_hash"),
    "pick_probability",
)
"""Columns of items that SQL reads as they are kept, or nearly."""

_ITEM_NAMES: Final = (*PUBLIC_ITEMS, "need")
_ITEMS_OF: Final = raw_query(
    select(*(REVIEW_ITEMS.c[name] for name in _ITEM_NAMES))
    .where(REVIEW_ITEMS.c.review_id == bindparam("review"))
    .order_by(REVIEW_ITEMS.c.number)
)
_SAID_IN: Final = raw_query(
    select(LABELS.c.unit_id, func.count(func.distinct(LABELS.c.person)))
    .where(LABELS.c.review_id == bindparam("review"))
    .group_by(LABELS.c.unit_id)
)


def add(txn: Transaction, review: Row, items: Sequence[Row]) -> None:
    """Add a review with its items, in the order in which they are shown."""
    txn.execute(insert(REVIEWS), _written(review))
    rows = [_written({**item, "review_id": review["id"], "number": n}) for n, item in enumerate(items, 1)]
    if rows:
        txn.execute(insert(REVIEW_ITEMS), rows)


def named(txn: Transaction, review_id: str) -> Row | None:
    """Return one review with all that was frozen, or None."""
    row = txn.execute(select(REVIEWS).where(REVIEWS.c.id == review_id)).mappings().first()
    return None if row is None else _read(row)


def headed(txn: Transaction) -> list[Row]:
    """Return every review without what was frozen, newest first."""
    names = [c for c in REVIEWS.c if c.name not in _JSON]
    rows = txn.execute(select(*names).order_by(REVIEWS.c.opened_at.desc(), REVIEWS.c.id.desc())).mappings()
    return [dict(row) for row in rows]


def listed(txn: Transaction) -> list[Row]:
    """Return every review as `headed` does, with `n_items`, those `erased`, and `n_done`, counted within a transaction."""
    of_items = select(
        REVIEW_ITEMS.c.review_id,
        func.count().label("n_items"),
        (func.count() - func.count(REVIEW_ITEMS.c.unit_id)).label("erased"),
    ).group_by(REVIEW_ITEMS.c.review_id)
    counts = {row.review_id: (row.n_items, row.erased) for row in txn.execute(of_items)}
    done = judged(txn)
    return [
        row
        | dict(zip(("n_items", "erased"), counts.get(row["id"], (0, 0)), strict=True))
        | {"n_done": done.get(row["id"], 0)}
        for row in headed(txn)
    ]


def opened_between(txn: Transaction, start: datetime, end: datetime) -> list[str]:
    """Return the reviews that were opened from `start` to `end`, both included."""
    between = REVIEWS.c.opened_at.between(start, end)
    return list(txn.execute(select(REVIEWS.c.id).where(between)).scalars())


def judged(txn: Transaction) -> dict[str, int]:
    """Return how many items of each review somebody has judged: what anybody said of them and did not take back."""
    there = (
        select(REVIEW_ITEMS.c.number)
        .where(REVIEW_ITEMS.c.review_id == LABELS.c.review_id, REVIEW_ITEMS.c.unit_id == LABELS.c.unit_id)
        .exists()
    )
    query = (
        select(LABELS.c.review_id, func.count(func.distinct(LABELS.c.unit_id)).label("n"))
        .where(LABELS.c.review_id.is_not(None), there)
        .group_by(LABELS.c.review_id)
    )
    return {row.review_id: row.n for row in txn.execute(query)}


def items(txn: Transaction, review_id: str | None = None) -> list[Row]:
    """Return the items of one review, or of all, in the order in which they are shown."""
    query = select(REVIEW_ITEMS).order_by(REVIEW_ITEMS.c.review_id, REVIEW_ITEMS.c.number)
    if review_id is not None:
        query = query.where(REVIEW_ITEMS.c.review_id == review_id)
    return [_read(row) for row in txn.execute(query).mappings()]


def item(txn: Transaction, review_id: str, unit_id: str) -> Row | None:
    """Return one item, or None."""
    same = (REVIEW_ITEMS.c.review_id == review_id, REVIEW_ITEMS.c.unit_id == unit_id)
    row = txn.execute(select(REVIEW_ITEMS).where(*same)).mappings().first()
    return None if row is None else _read(row)


def public_items(txn: Transaction, review_id: str) -> dict[str, Sequence[Any]]:
    """Return the items of one review by column: those of `PUBLIC_ITEMS`, need, and n (people who judged it)."""
    told = raw_columns(txn, _ITEMS_OF, review=review_id) or [[]] * len(_ITEM_NAMES)
    judged = dict(zip(*(raw_columns(txn, _SAID_IN, review=review_id) or [[], []]), strict=True))
    columns = dict(zip(_ITEM_NAMES, told, strict=True))
    # a join in SQLite takes several times as long
    return {**columns, "n": [judged.get(unit, 0) for unit in columns["unit_id"]]}


def grow(txn: Transaction, review_id: str, strata: Row, moved: Sequence[Row], new: Sequence[Row]) -> None:
    """Write a review whose panel was extended: its strata, the items that stand elsewhere now (by unit_id), and new ones at the end."""
    txn.execute(update(REVIEWS).where(REVIEWS.c.id == review_id).values(_written({"strata": strata})))
    for row in moved:
        same = (REVIEW_ITEMS.c.review_id == review_id, REVIEW_ITEMS.c.unit_id == row["unit_id"])
        txn.execute(update(REVIEW_ITEMS).where(*same).values(_written(row)))
    last = txn.execute(select(func.max(REVIEW_ITEMS.c.number)).where(REVIEW_ITEMS.c.review_id == review_id)).scalar()
    rows = [_written({**row, "review_id": review_id, "number": n}) for n, row in enumerate(new, (last or 0) + 1)]
    if rows:
        txn.execute(insert(REVIEW_ITEMS), rows)


def assign(txn: Transaction, review_id: str, names: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Write whose each item is: (number, names)."""
    for number, people in names:
        same = (REVIEW_ITEMS.c.review_id == review_id, REVIEW_ITEMS.c.number == number)
        txn.execute(update(REVIEW_ITEMS).where(*same).values(assigned=json.dumps(list(people))))


def close(txn: Transaction, review_id: str, person: str, now: datetime, results: Row) -> bool:
    """End a review with what followed from it; False where it has ended. What lay on desks and was not said is gone."""
    open_one = (REVIEWS.c.id == review_id, REVIEWS.c.closed_at.is_(None))
    ended = _written({"closed_at": now, "closed_by": person, "results": results})
    done = txn.execute(update(REVIEWS).where(*open_one).values(ended)).rowcount > 0
    txn.execute(delete(REVIEW_DESKS).where(REVIEW_DESKS.c.review_id == review_id))
    return done


def sign(txn: Transaction, review_id: str, person: str, minutes: str, now: datetime) -> None:
    """Write who signed a review off, with minutes; what somebody else signed before is overwritten, and stands in the audit."""
    signed = {"signed_by": person, "signed_at": now, "minutes": minutes}
    txn.execute(update(REVIEWS).where(REVIEWS.c.id == review_id).values(signed))


def remind(txn: Transaction, review_id: str, told: str) -> None:
    """Write which reminder was told last."""
    txn.execute(update(REVIEWS).where(REVIEWS.c.id == review_id).values(reminded=told))


def wish(txn: Transaction, units: Collection[str], person: str, reason: str, now: datetime) -> int:
    """Ask for turns in the next review; return how many were not asked for yet."""
    known = set(txn.execute(select(REVIEW_WISHES.c.unit_id).where(REVIEW_WISHES.c.review_id.is_(None))).scalars())
    new = [unit for unit in dict.fromkeys(units) if unit not in known]
    for unit in new:
        txn.execute(delete(REVIEW_WISHES).where(REVIEW_WISHES.c.unit_id == unit))
        txn.execute(insert(REVIEW_WISHES), {"unit_id": unit, "person": person, "at": now, "reason": reason})
    return len(new)


def wishes(txn: Transaction, review_id: str | None = None) -> list[str]:
    """Return the turns that a review took up, or (None) those that none did yet."""
    whose = REVIEW_WISHES.c.review_id.is_(None) if review_id is None else REVIEW_WISHES.c.review_id == review_id
    return list(txn.execute(select(REVIEW_WISHES.c.unit_id).where(whose).order_by(REVIEW_WISHES.c.unit_id)).scalars())


def grant(txn: Transaction, review_id: str, units: Collection[str]) -> None:
    """Say that a review took up these wishes."""
    for unit in units:
        txn.execute(update(REVIEW_WISHES).where(REVIEW_WISHES.c.unit_id == unit).values(review_id=review_id))


def erase(txn: Transaction, change: Callable[[str], str]) -> int:
    """Let go of the items whose turn `change` would change: their place stays, empty; return rows changed."""
    units = set(txn.execute(select(REVIEW_ITEMS.c.unit_id).where(REVIEW_ITEMS.c.unit_id.is_not(None))).scalars())
    units |= set(txn.execute(select(REVIEW_WISHES.c.unit_id)).scalars())
    return _let_go(txn, [unit for unit in units if change(unit) != unit]) + _rewrite(txn, change)


def _rewrite(txn: Transaction, change: Callable[[str], str]) -> int:
    told = txn.execute(select(REVIEWS.c.id, REVIEWS.c.minutes).where(REVIEWS.c.minutes.is_not(None))).all()
    changed = [(row.id, change(row.minutes)) for row in told if change(row.minutes) != row.minutes]
    for review_id, minutes in changed:
        txn.execute(update(REVIEWS).where(REVIEWS.c.id == review_id).values(minutes=minutes))
    return len(changed)


def age(txn: Transaction, before: datetime | None, spared: Collection[str] = ()) -> int:
    """Let go of the items whose turns are of before then, but those in `spared`; return rows changed."""
    if before is None:
        return 0
    old = select(REVIEW_ITEMS.c.unit_id).where(
        REVIEW_ITEMS.c.time < before, REVIEW_ITEMS.c.unit_id.is_not(None), not_among(REVIEW_ITEMS.c.unit_id, spared)
    )
    return _let_go(txn, list(txn.execute(old).scalars()))


def _let_go(txn: Transaction, units: Sequence[str]) -> int:
    changed = 0
    for unit in units:
        same = update(REVIEW_ITEMS).where(REVIEW_ITEMS.c.unit_id == unit)
        changed += txn.execute(same.values(unit_id=None)).rowcount
        changed += txn.execute(delete(REVIEW_DESKS).where(REVIEW_DESKS.c.unit_id == unit)).rowcount
        changed += txn.execute(delete(REVIEW_WISHES).where(REVIEW_WISHES.c.unit_id == unit)).rowcount
    return changed


def _written(row: Row) -> Row:
    return {name: json.dumps(value) if name in _JSON and value is not None else value for name, value in row.items()}


def _read(row: Any) -> Row:
    return {name: json.loads(value) if name in _JSON and value is not None else value for name, value in row.items()}
