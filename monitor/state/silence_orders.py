"""Rows of silences over several alerts: who ordered one, what has to fit, until when, and which alerts follow it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, update

from monitor.state.opening import Transaction
from monitor.state.tables import SILENCE_ORDERS, SILENCES
from monitor.state.unchanged import while_unchanged

Row = dict[str, Any]

_RUNS: Final = SILENCE_ORDERS.c.ended_at.is_(None)


def order(txn: Transaction, where: Mapping[str, str], person: str, reason: str, now: datetime, until: datetime) -> None:
    """Write that whatever fits `where` is to be silent until then."""
    row = {"labels": _text(where), "person": person, "reason": reason, "began_at": now, "until": until}
    txn.execute(insert(SILENCE_ORDERS), row)


def running(txn: Transaction, now: datetime) -> list[Row]:
    """Return the orders that hold now, oldest first, each with `where` as a mapping."""
    return [row | {"where": json.loads(row["labels"])} for row in _unended(txn) if row["until"] > now]


@while_unchanged
def _unended(txn: Transaction) -> list[Row]:
    query = select(SILENCE_ORDERS).where(_RUNS).order_by(SILENCE_ORDERS.c.id)
    return [dict(row) for row in txn.execute(query).mappings()]


def lift(txn: Transaction, where: Mapping[str, str], person: str, now: datetime) -> list[str]:
    """End the orders about `where` and the silences that follow from them; return the fingerprints that are heard again."""
    same = _RUNS & (SILENCE_ORDERS.c.labels == _text(where)) & (SILENCE_ORDERS.c.until > now)
    ids = list(txn.execute(select(SILENCE_ORDERS.c.id).where(same)).scalars())
    follow = SILENCES.c.order_id.in_(ids) & SILENCES.c.ended_at.is_(None)
    heard = list(txn.execute(select(SILENCES.c.fingerprint).where(follow)).scalars())
    ended = {"ended_at": now, "ended_by": person}
    txn.execute(update(SILENCES).where(follow).values(ended))
    txn.execute(update(SILENCE_ORDERS).where(SILENCE_ORDERS.c.id.in_(ids)).values(ended))
    return heard


def followed(txn: Transaction, number: int) -> set[str]:
    """Return the alerts that an order has silenced, once and for all: who hears one of them again is not overruled."""
    return set(txn.execute(select(SILENCES.c.fingerprint).where(SILENCES.c.order_id == number)).scalars())


def _text(where: Mapping[str, str]) -> str:
    return json.dumps(dict(where), sort_keys=True)
