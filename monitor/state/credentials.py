"""Rows of credentials: the digest by which each is known, whose it is, and until when it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import CREDENTIALS

Kind = Literal["token", "key", "session"]
SEEN_EVERY: Final = timedelta(minutes=1)
"""A session that is in use is written down this often, not at every call."""

KEPT: Final = timedelta(days=30)
"""Ended sessions are remembered this long."""

_STANDS = CREDENTIALS.c.ended_at.is_(None)


@dataclass(frozen=True)
class Credential:
    """What stands: `scopes` is less than the role of the holder may do, None is all of it."""

    digest: str
    kind: Kind
    name: str
    scopes: frozenset[str] | None


def digest_of(secret: str) -> str:
    """Return what is kept of a secret: it is 256 random bits, so one round of a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def add(
    txn: Transaction,
    kind: Kind,
    name: str,
    secret: str,
    now: datetime,
    *,
    scopes: Collection[str] | None = None,
    lasts: timedelta | None = None,
) -> None:
    """Let whoever shows `secret` be known as `name`, for as long as it `lasts`."""
    row = {
        "digest": digest_of(secret),
        "kind": kind,
        "name": name,
        "scopes": None if scopes is None else json.dumps(sorted(scopes)),
        "made_at": now,
        "seen_at": now,
        "expires_at": None if lasts is None else now + lasts,
        "ended_at": None,
    }
    fresh = insert(CREDENTIALS).on_conflict_do_update(index_elements=["digest"], set_=row)
    txn.execute(fresh, row)


def holder(txn: Transaction, secret: str, now: datetime, idle: timedelta) -> Credential | None:
    """Return the credential that `secret` is, where it stands; a session unused for `idle` does not."""
    row = txn.execute(select(CREDENTIALS).where(CREDENTIALS.c.digest == digest_of(secret), _STANDS)).first()
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        return None
    if row.kind == "session" and now - row.seen_at >= idle:
        return None
    if row.kind == "session" and now - row.seen_at >= SEEN_EVERY:
        txn.execute(update(CREDENTIALS).where(CREDENTIALS.c.digest == row.digest).values(seen_at=now))
    return Credential(row.digest, row.kind, row.name, None if row.scopes is None else frozenset(json.loads(row.scopes)))


def scopes_of_keys(txn: Transaction, name: str) -> list[list[str] | None]:
    """Return what each key may do that `name` holds, oldest first; None is all that the person may."""
    held = (CREDENTIALS.c.name == name) & (CREDENTIALS.c.kind == "key") & _STANDS
    found = txn.execute(select(CREDENTIALS.c.scopes).where(held).order_by(CREDENTIALS.c.made_at)).scalars()
    return [None if scopes is None else json.loads(scopes) for scopes in found]


def end(txn: Transaction, digest: str, now: datetime) -> bool:
    """End one credential, from the next call on; False where it does not stand."""
    return (
        txn.execute(update(CREDENTIALS).where(CREDENTIALS.c.digest == digest, _STANDS).values(ended_at=now)).rowcount
        > 0
    )


def end_of(txn: Transaction, name: str, now: datetime, *kinds: Kind) -> int:
    """End every credential of `kinds` that `name` holds; return how many stood."""
    held = (CREDENTIALS.c.name == name) & CREDENTIALS.c.kind.in_(kinds) & _STANDS
    return txn.execute(update(CREDENTIALS).where(held).values(ended_at=now)).rowcount


def end_kind(txn: Transaction, kind: Kind, now: datetime, but: str) -> None:
    """End every credential of `kind` except the one that the secret `but` is."""
    others = (CREDENTIALS.c.kind == kind) & (CREDENTIALS.c.digest != digest_of(but)) & _STANDS
    txn.execute(update(CREDENTIALS).where(others).values(ended_at=now))


def forget_ended(txn: Transaction, now: datetime) -> None:
    """Let go of sessions that ended or ran out long ago."""
    long_ago = now - KEPT
    over = (CREDENTIALS.c.ended_at < long_ago) | (CREDENTIALS.c.expires_at < long_ago)
    txn.execute(delete(CREDENTIALS).where(CREDENTIALS.c.kind == "session", over))
