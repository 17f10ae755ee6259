"""Rows of what people did about alerts: who took one up, who is to look after one, who silenced one and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import ACKS, ASSIGNMENTS, SILENCES
from monitor.state.unchanged import while_unchanged

Row = dict[str, Any]

_RUNS: Final = SILENCES.c.ended_at.is_(None)

SNOOZED: Final = "snoozed"
"""The reason of a silence whose end is a reminder."""


def acknowledge(txn: Transaction, fingerprint: str, episode: int, person: str, now: datetime) -> bool:
    """Write who took up an episode; False when somebody had, who stays on record."""
    row = {"fingerprint": fingerprint, "episode": episode, "person": person, "at": now}
    return txn.execute(insert(ACKS).on_conflict_do_nothing(), row).rowcount > 0


def take_back(txn: Transaction, fingerprint: str, episode: int) -> None:
    """Forget that an episode was taken up: it got worse, and has to be taken up again."""
    txn.execute(delete(ACKS).where(ACKS.c.fingerprint == fingerprint, ACKS.c.episode == episode))


def acknowledged(txn: Transaction) -> dict[tuple[str, int], Row]:
    """Return who took up which episode, by (fingerprint, episode)."""
    return {(row["fingerprint"], row["episode"]): row for row in _acknowledged(txn)}


@while_unchanged
def _acknowledged(txn: Transaction) -> list[Row]:
    return [dict(row) for row in txn.execute(select(ACKS)).mappings()]


def assign(txn: Transaction, fingerprint: str, episode: int, person: str, by: str, now: datetime) -> None:
    """Write who is to look after an episode; the last word counts."""
    row = {"fingerprint": fingerprint, "episode": episode, "person": person, "by": by, "at": now}
    new = insert(ASSIGNMENTS)
    changed = {name: new.excluded[name] for name in ("person", "by", "at")}
    txn.execute(new.on_conflict_do_update(index_elements=["fingerprint", "episode"], set_=changed), row)


def assigned(txn: Transaction) -> dict[tuple[str, int], str]:
    """Return who is to look after which episode, by (fingerprint, episode)."""
    rows = txn.execute(select(ASSIGNMENTS)).mappings()
    return {(row["fingerprint"], row["episode"]): row["person"] for row in rows}


def silence(
    txn: Transaction,
    fingerprint: str,
    person: str,
    reason: str,
    now: datetime,
    until: datetime | None,
    order: int | None = None,
) -> None:
    """Write a silence; those that run end with it, so that the last word of a person counts."""
    lift(txn, fingerprint, person, now)
    row = {"fingerprint": fingerprint, "person": person, "reason": reason, "began_at": now, "until": until}
    txn.execute(insert(SILENCES), row | {"order_id": order})


def lift(txn: Transaction, fingerprint: str, person: str | None, now: datetime) -> int:
    """End the silences of one alert, by a person or (None) because it is good again; return how many ran."""
    runs = (SILENCES.c.fingerprint == fingerprint) & _RUNS & or_(SILENCES.c.until.is_(None), SILENCES.c.until > now)
    return txn.execute(update(SILENCES).where(runs).values(ended_at=now, ended_by=person)).rowcount


def lift_until_good(txn: Transaction, fingerprint: str, now: datetime) -> None:
    """End the silences that were to last until the alert is good again."""
    runs = (SILENCES.c.fingerprint == fingerprint) & _RUNS & SILENCES.c.until.is_(None)
    txn.execute(update(SILENCES).where(runs).values(ended_at=now))


def unended(txn: Transaction) -> dict[str, Row]:
    """Return who silenced what and until when, by fingerprint, of silences that nobody ended; their time may be over."""
    names = ("person", "reason", "until")
    return {row["fingerprint"]: {name: row[name] for name in names} for row in _unended(txn)}


def silenced(txn: Transaction, now: datetime) -> dict[str, Row]:
    """Return the silence that runs of each alert, by fingerprint."""
    return {row["fingerprint"]: row for row in _unended(txn) if row["until"] is None or row["until"] > now}


def rung(txn: Transaction, now: datetime) -> dict[str, datetime]:
    """Return when an alert was last to be said again, by fingerprint: the ends of what was snoozed."""
    snoozed = (row for row in _unended(txn) if row["reason"] == SNOOZED and row["until"] is not None)
    over = sorted((row["until"], row["fingerprint"]) for row in snoozed if row["until"] <= now)
    return {fingerprint: until for until, fingerprint in over}


@while_unchanged
def _unended(txn: Transaction) -> list[Row]:
    return [dict(row) for row in txn.execute(select(SILENCES).where(_RUNS).order_by(SILENCES.c.id)).mappings()]
