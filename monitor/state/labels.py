"""Rows of labels: what people said of turns, durable here before anything is computed from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.model.values import WITHDRAWN
from monitor.state.opening import Transaction, raw_columns, raw_query
from monitor.state.parts import bounds
from monitor.state.spared import not_among
from monitor.state.tables import LABELS

Row = dict[str, Any]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS: Final = ("note", "corrected")
PUBLIC: Final = (
    *("unit_id", "rule_id", "verdict", "person", "at", "note", "corrected", "review_id"),
    *("adjudicated", "plan", "inclusion_probability"),
)
_STANDS: Final = LABELS.c.verdict != WITHDRAWN
_LISTED: Final = raw_query(
    select(*(LABELS.c[name] for name in PUBLIC))
    .where(LABELS.c.seq >= bindparam("first"), LABELS.c.seq < bindparam("end"), _STANDS)
    .order_by(LABELS.c.seq)
)


def add(txn: Transaction, row: Row) -> None:
    """Add one label. Its number is above every number before it, also above those of a state that was lost."""
    last = txn.execute(select(func.max(LABELS.c.seq))).scalar() or 0
    now = (row["at"] - EPOCH) // timedelta(microseconds=1)
    txn.execute(insert(LABELS), {**row, "seq": max(last + 1, now)})


def said_of(txn: Transaction, unit_id: str) -> list[Row]:
    """Return who said what of one unit under which rule, oldest first, without texts."""
    names = ("person", "rule_id", "verdict", "adjudicated")
    query = select(*(LABELS.c[name] for name in names)).where(LABELS.c.unit_id == unit_id).order_by(LABELS.c.seq)
    return [dict(row) for row in txn.execute(query).mappings()]


def counted(txn: Transaction) -> int:
    """Return how many labels there are."""
    return int(txn.execute(select(func.count()).select_from(LABELS)).scalar() or 0)


def of_key(txn: Transaction, person: str, key: str) -> Row | None:
    """Return the label that `person` gave under `key`, or None."""
    row = txn.execute(select(LABELS).where(LABELS.c.person == person, LABELS.c.key == key)).mappings().first()
    return None if row is None else dict(row)


def newest_of(txn: Transaction, person: str, unit_id: str, rule_id: str) -> Row | None:
    """Return what `person` said last of a unit under a rule, or None."""
    same = (LABELS.c.person == person, LABELS.c.unit_id == unit_id, LABELS.c.rule_id == rule_id, _STANDS)
    row = txn.execute(select(LABELS).where(*same).order_by(LABELS.c.seq.desc()).limit(1)).mappings().first()
    return None if row is None else dict(row)


def after(txn: Transaction, seq: int, limit: int) -> list[Row]:
    """Return the labels with a number above `seq`, oldest first."""
    query = select(LABELS).where(LABELS.c.seq > seq).order_by(LABELS.c.seq).limit(limit)
    return [dict(row) for row in txn.execute(query).mappings()]


def listed(txn: Transaction, part: str) -> dict[str, Sequence[Any]]:
    """Return one part of the public table by column, oldest first, times as text."""
    first, end = bounds(part)
    told = raw_columns(txn, _LISTED, first=first, end=end)
    return dict(zip(PUBLIC, told or [[]] * len(PUBLIC), strict=True))


def withdraw(txn: Transaction, person: str, unit_id: str, now: datetime) -> list[str]:
    """Take back all that `person` said of a unit; return the rules it was about."""
    same = (LABELS.c.person == person, LABELS.c.unit_id == unit_id, _STANDS)
    said = [dict(row) for row in txn.execute(select(LABELS).where(*same).order_by(LABELS.c.seq)).mappings()]
    newest = {row["rule_id"]: row for row in said}
    for row in newest.values():
        _take_back(txn, row, now)
    txn.execute(delete(LABELS).where(*same))  # last: a number that was given is never given again
    return list(newest)


def _take_back(txn: Transaction, row: Row, now: datetime) -> None:
    """Add the row that says so: the store follows by numbers."""
    blank = dict.fromkeys(("note", "corrected", "plan", "inclusion_probability", "review_id"))
    key = f"{WITHDRAWN} {row['seq']}"
    add(txn, {**row, **blank, "key": key, "verdict": WITHDRAWN, "adjudicated": 0, "at": now})


def reweigh(
    txn: Transaction, review_id: str, plan: str, chances: Mapping[tuple[str, str], float], now: datetime
) -> int:
    """Say again, with other probabilities, what was said in a review: (unit, rule) -> how probable it is to be drawn.

    The store follows by numbers, so all that the person said of the unit and rule is taken back and said again; return how many labels.
    """
    told = in_review(txn, review_id)
    changed = {
        (row["person"], row["unit_id"], row["rule_id"])
        for row in told
        if chances.get((row["unit_id"], row["rule_id"])) not in {None, row["inclusion_probability"]}
    }
    for person, unit, rule in sorted(changed):
        same = (LABELS.c.person == person, LABELS.c.unit_id == unit, LABELS.c.rule_id == rule, _STANDS)
        said = [dict(row) for row in txn.execute(select(LABELS).where(*same).order_by(LABELS.c.seq)).mappings()]
        _take_back(txn, said[-1], now)
        txn.execute(delete(LABELS).where(*same))
        for row in said:
            drawn = (
                {"plan": plan, "inclusion_probability": chances[unit, rule]} if row["review_id"] == review_id else {}
            )
            add(txn, {**row, **drawn})
    return len(changed)


def in_review(txn: Transaction, review_id: str) -> list[Row]:
    """Return what was said in a review, the last word of each person on each unit and rule, oldest first."""
    query = select(LABELS).where(LABELS.c.review_id == review_id, _STANDS).order_by(LABELS.c.seq)
    newest = {(row["person"], row["unit_id"], row["rule_id"]): dict(row) for row in txn.execute(query).mappings()}
    return list(newest.values())


def telling(txn: Transaction, review_ids: Collection[str], units: Collection[str]) -> list[Row]:
    """Return what tells how often people err: labels given in these reviews on `units`, or on units that two people looked at."""
    inside = (LABELS.c.review_id.in_(list(review_ids)), _STANDS)
    twice = (
        select(LABELS.c.unit_id)
        .where(*inside)
        .group_by(LABELS.c.unit_id)
        .having(func.count(func.distinct(LABELS.c.person)) > 1)
    )
    known = func.json_each(json.dumps(sorted(units))).table_valued("value")
    either = LABELS.c.unit_id.in_(twice) | LABELS.c.unit_id.in_(select(known.c.value))
    query = select(LABELS).where(*inside, either).order_by(LABELS.c.seq)
    newest = {(row["person"], row["unit_id"], row["rule_id"]): dict(row) for row in txn.execute(query).mappings()}
    return list(newest.values())


def lessons(txn: Transaction, since: datetime, most: int) -> list[tuple[str, str, str]]:
    """Return (unit, rule, verdict) of the newest `most` decisive labels given since then, newest first; a decision goes before a label."""
    decisive = (LABELS.c.at >= since, LABELS.c.verdict.in_(("violates", "complies")))
    columns = (LABELS.c.unit_id, LABELS.c.rule_id, LABELS.c.verdict)
    query = select(*columns).where(*decisive).order_by(LABELS.c.adjudicated.desc(), LABELS.c.seq.desc()).limit(most)
    return [tuple(row) for row in txn.execute(query)]


def adjudicated(txn: Transaction, before: datetime, until: datetime) -> dict[tuple[str, str], tuple[str, int]]:
    """Return what was decided until then on turns of `before`: (unit, rule) -> verdict, and the number of the decision."""
    decided = (LABELS.c.adjudicated == 1, LABELS.c.time < before, LABELS.c.at <= until, _STANDS)
    query = select(LABELS).where(*decided).order_by(LABELS.c.seq)
    return {(row["unit_id"], row["rule_id"]): (row["verdict"], row["seq"]) for row in txn.execute(query).mappings()}


def said_by(txn: Transaction, people: Sequence[str], units: Collection[str], since: datetime) -> list[Row]:
    """Return unit_id, rule_id, person, verdict and seq of what `people` said of `units` since then as reviewers, oldest first."""
    names = ("unit_id", "rule_id", "person", "verdict", "seq")
    known = func.json_each(json.dumps(sorted(units))).table_valued("value")
    theirs = (LABELS.c.person.in_(people), LABELS.c.at >= since, LABELS.c.adjudicated == 0, _STANDS)
    query = select(*(LABELS.c[name] for name in names)).where(*theirs, LABELS.c.unit_id.in_(select(known.c.value)))
    return [dict(row) for row in txn.execute(query.order_by(LABELS.c.seq)).mappings()]


def erase(txn: Transaction, change: Callable[[str], str]) -> int:
    """Drop the labels on units that `change` would change, and apply it to the texts of the others; return rows changed."""
    units = txn.execute(select(LABELS.c.unit_id).distinct()).scalars().all()
    gone = [unit for unit in units if change(unit) != unit]
    dropped = sum(txn.execute(delete(LABELS).where(LABELS.c.unit_id == unit)).rowcount for unit in gone)
    return dropped + _rewrite(txn, change)


def _rewrite(txn: Transaction, change: Callable[[str], str]) -> int:
    told = select(LABELS.c.seq, *(LABELS.c[name] for name in TEXTS))
    rewritten = 0
    for row in txn.execute(told).mappings().all():
        better = {name: change(row[name]) for name in TEXTS if row[name] is not None}
        if any(better[name] != row[name] for name in better):
            txn.execute(update(LABELS).where(LABELS.c.seq == row["seq"]).values(better))
            rewritten += 1
    return rewritten


def age(
    txn: Transaction, texts_before: datetime | None, units_before: datetime | None, spared: Collection[str] = ()
) -> int:
    """Drop labels on turns of before `units_before`, and the texts of those of before `texts_before`; return rows changed.

    Labels on turns of the traces in `spared` stay as they are.
    """
    changed, aged = 0, not_among(LABELS.c.unit_id, spared)
    if units_before is not None:
        changed += txn.execute(delete(LABELS).where(LABELS.c.time < units_before, aged)).rowcount
    if texts_before is not None:
        held = LABELS.c.note.is_not(None) | LABELS.c.corrected.is_not(None)
        old = update(LABELS).where(LABELS.c.time < texts_before, held, aged)
        changed += txn.execute(old.values(dict.fromkeys(TEXTS))).rowcount
    return changed
