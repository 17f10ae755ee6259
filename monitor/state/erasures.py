"""Rows of requests to erase: what somebody asks an admin to take away, and what became of that."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.erasure_tables import ERASURE_REQUESTS
from monitor.state.opening import Transaction
from monitor.state.spared import among

Row = dict[str, Any]
_OPEN = ERASURE_REQUESTS.c.outcome.is_(None)


def ask(txn: Transaction, trace_id: str, apps: Collection[str], reason: str, person: str, now: datetime) -> int | None:
    """Add a request and return its number; None where one for the same trace is open."""
    row = {"trace_id": trace_id, "apps": json.dumps(sorted(apps)), "reason": reason, "asked_by": person}
    fresh = insert(ERASURE_REQUESTS).values(**row, asked_at=now).on_conflict_do_nothing()
    told = txn.execute(fresh.returning(ERASURE_REQUESTS.c.number)).scalar()
    return None if told is None else int(told)


def open_for(txn: Transaction, trace_id: str) -> int | None:
    """Return the number of the request for a trace that is open, or None."""
    query = select(ERASURE_REQUESTS.c.number).where(ERASURE_REQUESTS.c.trace_id == trace_id, _OPEN)
    told = txn.execute(query).scalar()
    return None if told is None else int(told)


def numbered(txn: Transaction, number: int) -> Row | None:
    """Return one request, or None."""
    row = txn.execute(select(ERASURE_REQUESTS).where(ERASURE_REQUESTS.c.number == number)).mappings().first()
    return None if row is None else _read(row)


def listed(txn: Transaction) -> list[Row]:
    """Return every request, the open ones first, each part oldest first."""
    order = (ERASURE_REQUESTS.c.outcome.is_not(None), ERASURE_REQUESTS.c.number)
    return [_read(row) for row in txn.execute(select(ERASURE_REQUESTS).order_by(*order)).mappings()]


def waiting(txn: Transaction) -> int:
    """Return how many requests are open."""
    return int(txn.execute(select(func.count()).select_from(ERASURE_REQUESTS).where(_OPEN)).scalar_one())


def end(txn: Transaction, number: int, outcome: str, person: str, now: datetime, why: str | None = None) -> None:
    """Write what became of a request, and who did it."""
    ended = {"outcome": outcome, "ended_by": person, "ended_at": now, "why": why}
    txn.execute(update(ERASURE_REQUESTS).where(ERASURE_REQUESTS.c.number == number).values(**ended))


def erase(txn: Transaction, change: Callable[[str], str], now: datetime) -> int:
    """Forget the traces that `change` would change, which answers what was asked for; change the words of all; return rows changed."""
    changed = 0
    for row in listed(txn):
        gone = row["trace_id"] is not None and change(row["trace_id"]) != row["trace_id"]
        fresh = {name: change(row[name]) for name in ("reason", "why") if row[name] is not None}
        fresh |= _without_trace(row, "erased", now) if gone else {}
        if any(row[name] != value for name, value in fresh.items()):
            changed += _write(txn, row, fresh)
    return changed


def forget(txn: Transaction, app: str, now: datetime) -> int:
    """Forget the traces of one application, which was erased; return how many."""
    rows = [row for row in listed(txn) if row["trace_id"] is not None and app in row["apps"]]
    return sum(_write(txn, row, _without_trace(row, "erased", now)) for row in rows)


def traces(txn: Transaction) -> set[str]:
    """Return the traces that requests name."""
    named = ERASURE_REQUESTS.c.trace_id
    return set(txn.execute(select(named).where(named.is_not(None))).scalars())


def let_go(txn: Transaction, gone: Collection[str], now: datetime) -> int:
    """Forget the traces in `gone`, which were too old to be kept; return how many requests named them."""
    query = select(ERASURE_REQUESTS).where(among(ERASURE_REQUESTS.c.trace_id, gone))
    rows = [_read(row) for row in txn.execute(query).mappings()]
    return sum(_write(txn, row, _without_trace(row, "aged", now)) for row in rows)


def _without_trace(row: Row, outcome: str, now: datetime) -> Row:
    """What is left of a request once its trace is gone, and nobody's words about it; one that was refused stays refused."""
    ended = {} if row["outcome"] else {"outcome": outcome, "ended_at": now}
    return {"trace_id": None, "reason": None, "why": None, **ended}


def _write(txn: Transaction, row: Row, fresh: Row) -> int:
    same = ERASURE_REQUESTS.c.number == row["number"]
    return txn.execute(update(ERASURE_REQUESTS).where(same).values(**fresh)).rowcount


def _read(row: Any) -> Row:
    return {**row, "apps": json.loads(row["apps"])}
