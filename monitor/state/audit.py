"""The audit: every act in a chain of keyed digests. What was acted on lies apart, so that an erasure can take it away.

`hash` of a row is a digest, under the key of the installation, of the hash before it and of every column of the row; the
payload enters by a digest under a nonce of its own. The head is sealed, so that a cut tail is found too. Whoever has the
key and the file can write a new chain: note the hash of the last row elsewhere to be sure against that as well.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from monitor.privacy.keyed import digest
from monitor.state.opening import Transaction
from monitor.state.tables import AUDIT, AUDIT_HEAD, AUDIT_PAYLOADS

TOLD: Final = ("object", "reason", "before", "after")
"""What of an act lies apart."""

CHANGE: Final = ("before", "after")

START: Final = ""
"""What stands before the first row."""


@dataclass(frozen=True)
class Act:
    """Who did what to which object, why or with what outcome, and for whom where an admin did it for somebody.

    `before` and `after` are what it changed, as plain values of JSON; None where nothing is known of it.
    """

    actor: str
    act: str
    object: str
    reason: str = ""
    on_behalf_of: str | None = None
    before: Any = None
    after: Any = None


def append(txn: Transaction, key: bytes, act: Act, now: datetime) -> str:
    """Add one row to the end of the chain, within `txn`; return its hash."""
    last = txn.execute(select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)).first()
    seq, before = (last.seq + 1, last.hash) if last else (1, START)
    nonce, payload = secrets.token_hex(16), json.dumps({name: getattr(act, name) for name in TOLD})
    row = {"seq": seq, "at": now.astimezone(UTC).isoformat(), "actor": act.actor, "act": act.act}
    row["on_behalf_of"] = act.on_behalf_of
    row["told"] = digest(nonce.encode(), payload)
    row["hash"] = _hash(key, before, row)
    txn.execute(insert(AUDIT), row)
    txn.execute(insert(AUDIT_PAYLOADS), {"seq": seq, "nonce": nonce, "payload": payload})
    head = {"id": 1, "seq": seq, "seal": _seal(key, seq, str(row["hash"]))}
    txn.execute(insert(AUDIT_HEAD).on_conflict_do_update(index_elements=["id"], set_=head), head)
    return str(row["hash"])


def _hash(key: bytes, before: str, row: Mapping[Any, Any]) -> str:
    """A row that nobody else asked for has one part less, as every row had before there was such a column."""
    asked = [] if row["on_behalf_of"] is None else [str(row["on_behalf_of"])]
    return digest(key, "audit", before, *(str(row[name]) for name in ("seq", "at", "actor", "act", "told")), *asked)


def _seal(key: bytes, seq: int, last: str) -> str:
    return digest(key, "audit head", str(seq), last)


def rows(txn: Transaction) -> list[dict[str, Any]]:
    """Return the public table, oldest first: at, actor, on_behalf_of, act, object, reason, hash, before, after; NULL where an erasure took it."""
    query = select(AUDIT, AUDIT_PAYLOADS.c.payload).outerjoin(AUDIT_PAYLOADS, AUDIT.c.seq == AUDIT_PAYLOADS.c.seq)
    return [_public(row) for row in txn.execute(query.order_by(AUDIT.c.seq)).mappings()]


def _public(row: Mapping[Any, Any]) -> dict[str, Any]:
    told = {} if row["payload"] is None else json.loads(row["payload"])
    who = {name: row[name] for name in ("actor", "on_behalf_of", "act")}
    said = {name: told.get(name) for name in ("object", "reason")}
    changed = {name: None if told.get(name) is None else json.dumps(told[name], ensure_ascii=False) for name in CHANGE}
    return {"at": _instant(row["at"]), **who, **said, "hash": row["hash"], **changed}


def _instant(told: str) -> datetime | None:
    """A row that somebody bent still has to be shown."""
    try:
        return datetime.fromisoformat(told).replace(tzinfo=None)
    except ValueError:
        return None


def problems(txn: Transaction, key: bytes) -> list[str]:
    """Return what is wrong with the chain, a line each; empty when it holds."""
    return list(_problems(txn, key))


def _problems(txn: Transaction, key: bytes) -> Iterator[str]:
    payloads = {row["seq"]: row for row in txn.execute(select(AUDIT_PAYLOADS)).mappings()}
    before, seq = START, 0
    for row in txn.execute(select(AUDIT).order_by(AUDIT.c.seq)).mappings():
        if row["seq"] != seq + 1:
            yield f"row {row['seq']} follows row {seq}: what stood between is missing"
        if row["hash"] != _hash(key, before, row):
            yield f"row {row['seq']} does not follow from the row before it: it was changed, moved, or one was dropped"
        told = payloads.pop(row["seq"], None)
        if told is not None and digest(told["nonce"].encode(), told["payload"]) != row["told"]:
            yield f"row {row['seq']}: what was acted on was changed"
        before, seq = row["hash"], row["seq"]
    for left in payloads:
        yield f"row {left} is missing; what was acted on is there"
    yield from _of_head(txn, key, seq, before)


def _of_head(txn: Transaction, key: bytes, seq: int, last: str) -> Iterator[str]:
    head = txn.execute(select(AUDIT_HEAD)).first()
    if head is None and seq:
        yield "the seal of the last row is missing"
    elif head is not None and head.seal != _seal(key, seq, last):
        yield f"the chain ends at row {seq}, and was sealed at row {head.seq}"


def _texts(told: Any) -> Iterator[str]:
    """Every text in a payload, however deep, keys too."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        yield from chain.from_iterable(_texts(part) for pair in told.items() for part in pair)
    elif isinstance(told, list):
        yield from chain.from_iterable(map(_texts, told))


def erase(txn: Transaction, change: Callable[[str], str]) -> int:
    """Take away every payload that `change` would change; the chain still verifies. Returns how many went."""
    told = txn.execute(select(AUDIT_PAYLOADS.c.seq, AUDIT_PAYLOADS.c.payload)).all()
    gone = [row.seq for row in told if any(change(text) != text for text in _texts(json.loads(row.payload)))]
    txn.execute(delete(AUDIT_PAYLOADS).where(AUDIT_PAYLOADS.c.seq.in_(gone)))
    return len(gone)
