"""Rows of the outbox: messages owed to receivers, first in first out per alert and receiver.

A row is claimed with a lease before it is sent and settled afterwards; a process that dies in between leaves a lease
that runs out, and the row is sent again under the same key. Retry policy is decided in `alerts.deliver`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.outgoing import LONGEST_WAIT
from monitor.state.opening import Transaction
from monitor.state.spared import among
from monitor.state.tables import ALERTS, OUTBOX
from monitor.state.unchanged import while_unchanged

Row = dict[str, Any]
OPEN: Final = OUTBOX.c.state.in_(("pending", "inflight"))
_QUEUE: Final = insert(OUTBOX).on_conflict_do_nothing()


_UNTRIED: Final = (OUTBOX.c.state == "pending") & (OUTBOX.c.attempts == 0)
"""What has been tried may have arrived, whatever came back: it is neither held nor retired, so that its end follows it."""


def queue(txn: Transaction, row: Row) -> bool:
    """Add one message; False when its key is there already, which makes a repeated decision harmless."""
    fresh = {"state": "pending", "attempts": 0, "shortened": 0, "next_at": row["due_at"], **row}
    return txn.execute(_QUEUE, fresh).rowcount > 0


def queue_all(txn: Transaction, rows: Sequence[Row]) -> None:
    """Add messages in this order; those whose key is there already change nothing."""
    fresh = [{"state": "pending", "attempts": 0, "shortened": 0, "next_at": row["due_at"], **row} for row in rows]
    if fresh:
        txn.execute(_QUEUE, fresh)


HELD: Final = ("firing", "severity", "flapping", "no_data", "reminder", "escalated")
"""Kinds that wait while their alert is silenced; the end of an alert is told through a silence."""


_NOW: Final[BindParameter[Any]] = bindparam("now")
_TOO_LATE: Final[BindParameter[Any]] = bindparam("too_late")
_OF_THE_FUTURE: Final = ((OUTBOX.c.attempts == 0) & (OUTBOX.c.created_at > _NOW)) | (
    (OUTBOX.c.attempts > 0) & (OUTBOX.c.next_at > _TOO_LATE)
)
"""What a clock that went back has put off: made, or tried, at a time that is still to come."""

_READY: Final = (OUTBOX.c.state == "pending") & ((OUTBOX.c.next_at <= _NOW) | _OF_THE_FUTURE)
_LET_GO: Final = (OUTBOX.c.lease_until <= _NOW) | (OUTBOX.c.lease_until > _TOO_LATE)
_HEADS: Final = select(func.min(OUTBOX.c.id)).where(OPEN).group_by(OUTBOX.c.fingerprint, OUTBOX.c.receiver)
_HELD: Final = OUTBOX.c.fingerprint.in_(bindparam("silenced", expanding=True)) & OUTBOX.c.kind.in_(HELD) & _UNTRIED
_DUE: Final = (
    select(OUTBOX)
    .where(OUTBOX.c.id.in_(_HEADS) & (_READY | ((OUTBOX.c.state == "inflight") & _LET_GO)) & ~_HELD)
    .order_by(OUTBOX.c.next_at, OUTBOX.c.id)
)
_CLAIM: Final = (
    update(OUTBOX)
    .where((OUTBOX.c.state == "pending") | _LET_GO)
    .where((OUTBOX.c.id == bindparam("row_id")) & (OUTBOX.c.attempts == bindparam("tried")) & OPEN)
    .values(state="inflight", lease_until=bindparam("until"), attempts=OUTBOX.c.attempts + 1)
)
_SETTLE: Final = update(OUTBOX).where(OUTBOX.c.id == bindparam("row_id"))
_HURRY: Final = (
    update(OUTBOX)
    .where((OUTBOX.c.receiver == bindparam("whose")) & (OUTBOX.c.state == "pending") & (OUTBOX.c.attempts > 0))
    .where(OUTBOX.c.next_at > _NOW)
    .values(next_at=_NOW)
)
_SAME: Final = [OUTBOX.c[name] == bindparam(name) for name in ("fingerprint", "receiver", "episode")]
_THREAD: Final = select(OUTBOX.c.handle).where(*_SAME, OUTBOX.c.handle.is_not(None)).order_by(OUTBOX.c.id).limit(1)
"""Statements that every attempt asks are made once: making one takes as long as running it."""


def due(txn: Transaction, now: datetime, silenced: Collection[str] = ()) -> list[Row]:
    """Return the messages that may leave now: the oldest open one per alert and receiver, when its time has come.

    What is said about a `silenced` alert waits, but for its end. Who has waited longest since the last attempt comes first, so that one message nobody takes cannot starve others.
    """
    given = {"now": now, "too_late": now + LONGEST_WAIT, "silenced": list(silenced)}
    return [dict(row) for row in txn.execute(_DUE, given).mappings()]


def claim(txn: Transaction, row: Row, now: datetime, until: datetime) -> bool:
    """Take the lease on `row` and count the attempt; False when somebody else holds it or it has changed since."""
    given = {"now": now, "too_late": now + LONGEST_WAIT, "until": until, "row_id": row["id"], "tried": row["attempts"]}
    return txn.execute(_CLAIM, given).rowcount > 0


def settle(txn: Transaction, row_id: int, **changes: Any) -> None:
    """Write what came of an attempt and give the lease back."""
    txn.execute(_SETTLE, {"row_id": row_id, "lease_until": None, **changes})


def hold_back(txn: Transaction, receiver: str, until: datetime) -> None:
    """Let no waiting message leave for `receiver` before `until`: it asked for quiet."""
    waiting = (OUTBOX.c.receiver == receiver) & (OUTBOX.c.state == "pending") & (OUTBOX.c.next_at < until)
    txn.execute(update(OUTBOX).where(waiting).values(next_at=until))


def hurry(txn: Transaction, receiver: str, now: datetime) -> None:
    """Let every message for `receiver` that waits for another attempt leave now: it answers again."""
    txn.execute(_HURRY, {"whose": receiver, "now": now})


def supersede(txn: Transaction, fingerprint: str, episode: int, *kinds: str) -> None:
    """Retire waiting messages of `kinds` about one episode of an alert: what comes next says more."""
    about = (OUTBOX.c.fingerprint == fingerprint) & (OUTBOX.c.episode == episode)
    waiting = about & OUTBOX.c.kind.in_(kinds) & (OUTBOX.c.state == "pending")
    txn.execute(update(OUTBOX).where(waiting).values(state="superseded"))


def waiting(txn: Transaction, *kinds: str) -> set[tuple[str, int]]:
    """Return the alerts and episodes of which a message of `kinds` waits."""
    query = select(OUTBOX.c.fingerprint, OUTBOX.c.episode).where(OUTBOX.c.kind.in_(kinds), OUTBOX.c.state == "pending")
    return {(fingerprint, episode) for fingerprint, episode in txn.execute(query)}


def retire(txn: Transaction, fingerprint: str, episode: int) -> None:
    """Retire what was never tried to be told of one episode."""
    about = (OUTBOX.c.fingerprint == fingerprint) & (OUTBOX.c.episode == episode)
    txn.execute(update(OUTBOX).where(about & _UNTRIED).values(state="superseded"))


def messages_of(txn: Transaction, fingerprint: str, episode: int | None = None) -> list[Row]:
    """Return the messages about one alert (one episode of it), oldest first."""
    query = select(OUTBOX).where(OUTBOX.c.fingerprint == fingerprint)
    if episode is not None:
        query = query.where(OUTBOX.c.episode == episode)
    return [dict(row) for row in txn.execute(query.order_by(OUTBOX.c.id)).mappings()]


def of_kind(txn: Transaction, kind: str) -> list[Row]:
    """Return every message of one kind, whatever became of it, oldest first."""
    query = select(OUTBOX).where(OUTBOX.c.kind == kind).order_by(OUTBOX.c.id)
    return [dict(row) for row in txn.execute(query).mappings()]


def keys_among(txn: Transaction, keys: Collection[str]) -> set[str]:
    """Return those of `keys` that a message has, whatever became of it."""
    return set(txn.execute(select(OUTBOX.c.key).where(among(OUTBOX.c.key, keys))).scalars())


def thread_of(txn: Transaction, row: Row) -> str:
    """Return what the receiver of `row` calls its first message about that episode; "" where it named none."""
    given = {name: row[name] for name in ("fingerprint", "receiver", "episode")}
    return txn.execute(_THREAD, given).scalar() or ""


_GOING_ON: Final = ("fingerprint", "episode", "receiver")
_TOLD_OF_OPEN: Final = (
    select(*(OUTBOX.c[name] for name in _GOING_ON))
    .join(ALERTS, (ALERTS.c.fingerprint == OUTBOX.c.fingerprint) & (ALERTS.c.episode == OUTBOX.c.episode))
    .where(ALERTS.c.ended_at.is_(None) & (OUTBOX.c.state != "superseded"))
    .group_by(*(OUTBOX.c[name] for name in _GOING_ON))
    .order_by(func.min(OUTBOX.c.id))
)


@while_unchanged
def _told_of_open(txn: Transaction) -> list[Row]:
    return [dict(row) for row in txn.execute(_TOLD_OF_OPEN).mappings()]


def told_of_open(txn: Transaction) -> dict[tuple[str, int], list[str]]:
    """Return who was, or is about to be, told of what, in that order, by fingerprint and episode, of alerts that go on."""
    told: dict[tuple[str, int], list[str]] = {}
    for row in _told_of_open(txn):
        told.setdefault((row["fingerprint"], row["episode"]), []).append(row["receiver"])
    return told


def begun_since(txn: Transaction, since: datetime) -> dict[str, int]:
    """Return how many alerts began for each receiver since then."""
    query = select(OUTBOX.c.receiver, func.count()).where(OUTBOX.c.kind == "firing", OUTBOX.c.created_at > since)
    return dict(txn.execute(query.group_by(OUTBOX.c.receiver)).all())


_LAST: Final = select(func.max(OUTBOX.c.id)).group_by(OUTBOX.c.fingerprint, OUTBOX.c.receiver)
_LAST_SAID: Final = ("fingerprint", "episode", "receiver", "kind", "state", "created_at", "sent_at")
_LAST_MESSAGES: Final = select(*(OUTBOX.c[name] for name in _LAST_SAID)).where(OUTBOX.c.id.in_(_LAST))


@while_unchanged
def last_messages(txn: Transaction) -> list[Row]:
    """Return the newest message of every alert and receiver, without its body."""
    return [dict(row) for row in txn.execute(_LAST_MESSAGES).mappings()]


def counts(txn: Transaction) -> dict[str, int]:
    """Return how many messages are in each state, for metrics and the status line."""
    grouped = select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state)
    return dict(txn.execute(grouped).all())
