"""Rows of alerts and of their reason trail. What they mean is decided in the alerts room; here they are only kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import ACKS, ALERT_EVENTS, ALERTS, ASSIGNMENTS, OUTBOX, SILENCE_ORDERS, SILENCES
from monitor.state.unchanged import while_unchanged

Row = dict[str, Any]

_NEW: Final = insert(ALERTS)
_SAID: Final = ("labels", "reason", "memory", "numbers", "body", "outcome")
_KEYS: Final = ("fingerprint", "episode")
_SAVE: Final = _NEW.on_conflict_do_update(
    index_elements=list(_KEYS), set_={column.name: column for column in _NEW.excluded if column.name not in _KEYS}
)


_NEWEST: Final = (
    select(ALERTS.c.fingerprint, func.max(ALERTS.c.episode).label("episode")).group_by(ALERTS.c.fingerprint).subquery()
)
_LATEST: Final = (
    select(ALERTS)
    .join(_NEWEST, (ALERTS.c.fingerprint == _NEWEST.c.fingerprint) & (ALERTS.c.episode == _NEWEST.c.episode))
    .order_by(ALERTS.c.started_at, ALERTS.c.fingerprint)
)
_FIRING: Final = (
    select(ALERTS)
    .where(ALERTS.c.ended_at.is_(None) & (ALERTS.c.state == "firing"))
    .order_by(ALERTS.c.started_at, ALERTS.c.fingerprint)
)
_LAST_OF: Final = (
    select(ALERTS).where(ALERTS.c.fingerprint == bindparam("fingerprint")).order_by(ALERTS.c.episode.desc()).limit(1)
)
"""What every look at the alerts asks is made once: making a statement takes as long as running it."""


@while_unchanged
def latest_alerts(txn: Transaction) -> list[Row]:
    """Return the last episode of every fingerprint, open or not, oldest first."""
    return [dict(row) for row in txn.execute(_LATEST).mappings()]


def all_alerts(txn: Transaction) -> list[Row]:
    """Return every episode of every alert, oldest first."""
    query = select(ALERTS).order_by(ALERTS.c.started_at, ALERTS.c.fingerprint)
    return [dict(row) for row in txn.execute(query).mappings()]


@while_unchanged
def firing_alerts(txn: Transaction) -> list[Row]:
    """Return the episodes that fire, oldest first."""
    return [dict(row) for row in txn.execute(_FIRING).mappings()]


def save_alert(txn: Transaction, row: Row) -> None:
    """Write one episode: new, or in place of what was known of it."""
    txn.execute(_SAVE, row)


def save_alerts(txn: Transaction, rows: Sequence[Row]) -> None:
    """Write many of them in one go."""
    if rows:
        txn.execute(_SAVE, rows)


def remove_alert(txn: Transaction, fingerprint: str, episode: int) -> None:
    """Forget an episode that never fired; its events stay."""
    txn.execute(delete(ALERTS).where(ALERTS.c.fingerprint == fingerprint, ALERTS.c.episode == episode))


def add_event(txn: Transaction, row: Row) -> None:
    """Add one line to the reason trail."""
    txn.execute(insert(ALERT_EVENTS), row)


def add_events(txn: Transaction, rows: Sequence[Row]) -> None:
    """Add lines to the reason trail, in this order."""
    if rows:
        txn.execute(insert(ALERT_EVENTS), rows)


def opinions(txn: Transaction) -> list[Row]:
    """Return what people said on closing, oldest first: rule_id, fingerprint, episode and numbers as text."""
    names = (ALERTS.c.rule_id, ALERTS.c.fingerprint, ALERTS.c.episode, ALERT_EVENTS.c.numbers)
    same = (ALERTS.c.fingerprint == ALERT_EVENTS.c.fingerprint) & (ALERTS.c.episode == ALERT_EVENTS.c.episode)
    said = ALERT_EVENTS.c.kind.in_(("resolved", "rated")) & ALERT_EVENTS.c.numbers.contains('"useful"')
    query = select(*names).join(ALERT_EVENTS, same).where(said).order_by(ALERT_EVENTS.c.id)
    return [dict(row) for row in txn.execute(query).mappings()]


def events_of(txn: Transaction, fingerprint: str) -> list[Row]:
    """Return the reason trail of one alert, oldest first."""
    query = select(ALERT_EVENTS).where(ALERT_EVENTS.c.fingerprint == fingerprint).order_by(ALERT_EVENTS.c.id)
    return [dict(row) for row in txn.execute(query).mappings()]


def latest_of(txn: Transaction, fingerprint: str) -> Row | None:
    """Return the last episode of one alert, or None when it never was."""
    return next(iter(_last_of(txn, fingerprint)), None)


@while_unchanged
def _last_of(txn: Transaction, fingerprint: str) -> list[Row]:
    return [dict(row) for row in txn.execute(_LAST_OF, {"fingerprint": fingerprint}).mappings()]


def is_open(txn: Transaction, fingerprint: str, episode: int) -> bool:
    """Whether an episode is still going on."""
    same = (ALERTS.c.fingerprint == fingerprint) & (ALERTS.c.episode == episode)
    return txn.execute(select(ALERTS.c.episode).where(same, ALERTS.c.ended_at.is_(None))).first() is not None


def forget(txn: Transaction, fingerprints: list[str]) -> None:
    """Erase alerts with everything said about them; only for data that has to go."""
    for table in (ALERTS, ALERT_EVENTS, OUTBOX, ACKS, ASSIGNMENTS, SILENCES):
        txn.execute(delete(table).where(table.c.fingerprint.in_(fingerprints)))


def rewrite_texts(txn: Transaction, change: Callable[[str], str]) -> int:
    """Apply `change` to everything that was said about alerts; return how many rows it changed."""
    changed = 0
    for table in (ALERTS, ALERT_EVENTS, OUTBOX, SILENCES, SILENCE_ORDERS):
        keys = list(table.primary_key.columns)
        texts = [column for column in table.columns if column.name in _SAID]
        for row in txn.execute(select(*keys, *texts)).mappings().all():
            told = {c.name: change(row[c.name]) for c in texts if row[c.name] is not None}
            if any(told[name] != row[name] for name in told):
                same = [key == row[key.name] for key in keys]
                txn.execute(update(table).where(*same).values(told))
                changed += 1
    return changed


def open_counts(txn: Transaction) -> dict[str, int]:
    """Return how many open alerts are in each state."""
    grouped = select(ALERTS.c.state, func.count()).where(ALERTS.c.ended_at.is_(None)).group_by(ALERTS.c.state)
    return dict(txn.execute(grouped).all())


def beginning_with(txn: Transaction, prefix: str) -> list[Row]:
    """Return the last episode of every alert whose fingerprint begins with `prefix`."""
    return [row for row in latest_alerts(txn) if row["fingerprint"].startswith(prefix)]


def matching_fingerprints(txn: Transaction, prefix: str) -> list[str]:
    """Return the fingerprints that begin with `prefix`, so that a person need not type all 32 digits."""
    query = select(ALERT_EVENTS.c.fingerprint).where(ALERT_EVENTS.c.fingerprint.startswith(prefix, autoescape=True))
    return sorted(set(txn.execute(query).scalars()))
