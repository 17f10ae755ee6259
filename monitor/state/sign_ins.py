"""Sign-ins under way: how often a name was tried in vain, and what waits for its provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert

from monitor.state.credentials import digest_of
from monitor.state.opening import Transaction
from monitor.state.tables import SIGN_IN_TRIES, SIGN_INS_BEGUN

FREE: Final = 5
"""So many wrong passwords in a row cost nothing; each further one doubles the wait."""

FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=5)
FORGOTTEN: Final = timedelta(hours=1)
IN_A_ROW: Final = timedelta(minutes=1)
MOST: Final = 60
"""Names that may be tried in vain within a minute; more is nobody's forgetfulness."""

AT_PROVIDER: Final = timedelta(minutes=10)
MOST_AT_PROVIDER: Final = 1000


def wait(txn: Transaction, who: str, now: datetime) -> timedelta:
    """Return how long `who` (a digest of the name) must wait before the next try; zero is no wait."""
    txn.execute(delete(SIGN_IN_TRIES).where(SIGN_IN_TRIES.c.last_at < now - FORGOTTEN))
    recent = select(func.count()).select_from(SIGN_IN_TRIES).where(SIGN_IN_TRIES.c.last_at > now - IN_A_ROW)
    row = txn.execute(select(SIGN_IN_TRIES).where(SIGN_IN_TRIES.c.who == who)).first()
    if row is None:
        return FIRST_WAIT if (txn.execute(recent).scalar() or 0) >= MOST else timedelta()
    if row.failures < FREE:
        return timedelta()
    asked: timedelta = min(FIRST_WAIT * 2 ** min(row.failures - FREE, 10), LONGEST_WAIT)
    left: timedelta = row.last_at + asked - now
    return max(left, timedelta())


def failed(txn: Transaction, who: str, now: datetime) -> None:
    """Count a try in vain."""
    first = {"who": who, "failures": 1, "last_at": now}
    again = {"failures": SIGN_IN_TRIES.c.failures + 1, "last_at": now}
    txn.execute(insert(SIGN_IN_TRIES).on_conflict_do_update(index_elements=["who"], set_=again), first)


def succeeded(txn: Transaction, who: str) -> None:
    """Forget the tries in vain."""
    txn.execute(delete(SIGN_IN_TRIES).where(SIGN_IN_TRIES.c.who == who))


@dataclass(frozen=True)
class Begun:
    """What the answer of the provider must carry, and what proves that the sign-in is ours (PKCE)."""

    nonce: str
    verifier: str


def begin(txn: Transaction, state: str, begun: Begun, now: datetime) -> bool:
    """Remember a sign-in that goes to the provider; False while too many are there."""
    txn.execute(delete(SIGN_INS_BEGUN).where(SIGN_INS_BEGUN.c.begun_at < now - AT_PROVIDER))
    if (txn.execute(select(func.count()).select_from(SIGN_INS_BEGUN)).scalar() or 0) >= MOST_AT_PROVIDER:
        return False
    row = {"state": digest_of(state), "nonce": begun.nonce, "verifier": begun.verifier, "begun_at": now}
    txn.execute(insert(SIGN_INS_BEGUN), row)
    return True


def take_up(txn: Transaction, state: str, now: datetime) -> Begun | None:
    """Return the sign-in behind `state`, once; None where there is none, or it took too long."""
    known = SIGN_INS_BEGUN.c.state == digest_of(state)
    row = txn.execute(select(SIGN_INS_BEGUN).where(known)).first()
    txn.execute(delete(SIGN_INS_BEGUN).where(known))
    fresh = row is not None and now - row.begun_at < AT_PROVIDER
    return Begun(row.nonce, row.verifier) if row is not None and fresh else None
