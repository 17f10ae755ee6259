"""What was asked for once and may be sent again: the answer of a command stands under the key that came with it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from monitor.errors import UsageError
from monitor.state.opening import Transaction
from monitor.state.tables import COMMANDS

KEPT: Final = timedelta(days=1)


def answered(txn: Transaction, key: str, asked: str) -> Any:
    """Return the answer that was given under `key`, or None. Raises `UsageError` where something else was asked under it."""
    row = txn.execute(select(COMMANDS).where(COMMANDS.c.key == key)).first()
    if row is None:
        return None
    if row.asked != asked:
        raise UsageError("this idempotency key stands for another command (send a new one)")
    return json.loads(row.answer)


def remember(txn: Transaction, key: str, asked: str, answer: Any, now: datetime) -> None:
    """Keep the answer for a day, in the transaction that does what was asked."""
    txn.execute(delete(COMMANDS).where(COMMANDS.c.at < now - KEPT))
    txn.execute(insert(COMMANDS), {"key": key, "asked": asked, "answer": json.dumps(answer), "at": now})
