"""Every policy that was put in force, as it was written: who did it, who approved it, and what to go back to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, insert, select

from monitor.state.opening import Transaction
from monitor.state.tables import POLICY_VERSIONS

_COLUMNS = [column for column in POLICY_VERSIONS.columns if column.name != "seq"]


@dataclass(frozen=True)
class Version:
    """One policy put in force. `act`: it was found in the folder at a start, activated by somebody, or gone back to."""

    policy: str
    version: str
    hash: str
    status: str
    file: str
    text: str
    at: datetime
    actor: str
    approved_by: str
    act: Literal["found", "activated", "rolled back"]


def add(txn: Transaction, version: Version) -> None:
    """Add what was put in force now."""
    txn.execute(insert(POLICY_VERSIONS), asdict(version))


def newest(txn: Transaction) -> list[Version]:
    """Return what was put in force last, of every policy."""
    last = select(func.max(POLICY_VERSIONS.c.seq)).group_by(POLICY_VERSIONS.c.policy)
    query = select(*_COLUMNS).where(POLICY_VERSIONS.c.seq.in_(last)).order_by(POLICY_VERSIONS.c.policy)
    rows: list[Any] = list(txn.execute(query).mappings())
    return [Version(**row) for row in rows]


def history(txn: Transaction, policy: str) -> list[Version]:
    """Return what was put in force of `policy`, newest first."""
    query = select(*_COLUMNS).where(POLICY_VERSIONS.c.policy == policy)
    rows: list[Any] = list(txn.execute(query.order_by(POLICY_VERSIONS.c.seq.desc())).mappings())
    return [Version(**row) for row in rows]


def last_texts(txn: Transaction) -> dict[str, str]:
    """Return per name of file what was put in force of it last."""
    query = select(POLICY_VERSIONS.c.file, POLICY_VERSIONS.c.text).order_by(POLICY_VERSIONS.c.seq)
    return {row.file: row.text for row in txn.execute(query)}
