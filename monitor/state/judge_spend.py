"""What judges have taken of their budgets: reserved before a call leaves, set right once it is known what it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from monitor.state.opening import Transaction
from monitor.state.tables import JUDGE_SPEND


@dataclass(frozen=True)
class Cost:
    """What one call takes, or may take at most."""

    tokens: int
    usd: float


@dataclass(frozen=True)
class Ceiling:
    """What a judge may take in a day; None: no end."""

    calls: int
    usd: float | None


def reserve(txn: Transaction, judge: str, day: str, most: Cost, ceiling: Ceiling) -> bool:
    """Take one call off the budget; False, and nothing taken, where it would go beyond. What is never settled stays taken."""
    beyond_usd = ceiling.usd is not None and most.usd > ceiling.usd
    if ceiling.calls < 1 or beyond_usd:
        return False
    spend = JUDGE_SPEND.c
    fits = spend.calls + 1 <= ceiling.calls
    if ceiling.usd is not None:
        fits &= spend.usd + most.usd <= ceiling.usd
    row = {"judge": judge, "day": day, "calls": 1, "open": 1, "tokens": most.tokens, "usd": most.usd}
    more = {
        "calls": spend.calls + 1,
        "open": spend.open + 1,
        "tokens": spend.tokens + most.tokens,
        "usd": spend.usd + most.usd,
    }
    asked = insert(JUDGE_SPEND).values(row)
    taken = txn.execute(asked.on_conflict_do_update(index_elements=["judge", "day"], set_=more, where=fits))
    return taken.rowcount > 0


def settle(txn: Transaction, judge: str, day: str, reserved: Cost, took: Cost) -> None:
    """Put what a call took in place of what was reserved for it."""
    spend = JUDGE_SPEND.c
    change = {
        "open": spend.open - 1,
        "tokens": spend.tokens + (took.tokens - reserved.tokens),
        "usd": spend.usd + (took.usd - reserved.usd),
    }
    txn.execute(update(JUDGE_SPEND).where(spend.judge == judge, spend.day == day).values(change))


def of_day(txn: Transaction, day: str) -> dict[str, dict[str, Any]]:
    """Return what was taken on a day, by judge: calls, open, tokens, usd."""
    rows = txn.execute(select(JUDGE_SPEND).where(JUDGE_SPEND.c.day == day)).mappings()
    return {row["judge"]: {name: row[name] for name in ("calls", "open", "tokens", "usd")} for row in rows}


def day_of(now: datetime) -> str:
    """Return the day that a call at `now` counts to."""
    return now.date().isoformat()
