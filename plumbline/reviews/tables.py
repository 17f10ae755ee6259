"""The public tables `reviews` and `review_items`, as SQL reads them; they have their columns even when they have no rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import pyarrow as pa

from monitor.clock import naive_utc
from monitor.state import ControlState, Transaction, reviews
from monitor.state.parts import ITEMS
from monitor.state.public import PublicTable, PublicTables, column_of

_TIME: Final = pa.timestamp("us")
_REVIEWS: Final[dict[str, pa.DataType]] = {
    "id": pa.string(),
    "app": pa.string(),
    "opened_at": _TIME,
    "due_at": _TIME,
    "closed_at": _TIME,
    "n_items": pa.int64(),
    "n_done": pa.int64(),
    "seed": pa.int64(),
}
_ITEMS: Final[dict[str, pa.DataType]] = {
    "review_id": pa.string(),
    "unit_id": pa.string(),
    "stratum": pa.string(),
    "inclusion_probability": pa.float64(),
    "reason": pa.string(),
    "state": pa.string(),
    "assigned": pa.string(),
    "policy_hash": pa.string(),
    "pick_probability": pa.float64(),
}


def review_tables(state: ControlState) -> PublicTables:
    """Return both tables."""
    return PublicTables(
        {
            "reviews": PublicTable(pa.schema(_REVIEWS), partial(reviews_table, state)),
            "review_items": PublicTable(pa.schema(_ITEMS), partial(items_table, state)),
        }
    )


def read_ahead(state: ControlState) -> None:
    """Read items before anybody asks for them."""
    state.read_ahead(ITEMS, _of_review)


@dataclass(frozen=True)
class Counts:
    """Items of one review: how many there are, how many of them are gone, and how many somebody has judged."""

    n_items: int
    erased: int
    n_done: int


@dataclass(frozen=True)
class Items:
    """Items as SQL reads them, and their counts by review."""

    table: pa.Table
    counts: dict[str, Counts]

    @classmethod
    def of(cls, parts: list[Items]) -> Items:
        """Return several as one."""
        tables = [pa.schema(_ITEMS).empty_table(), *(part.table for part in parts)]
        return cls(pa.concat_tables(tables), {name: one for part in parts for name, one in part.counts.items()})


def reviews_listed(state: ControlState) -> list[dict[str, Any]]:
    """Return every review without what was frozen, newest first, with its counts."""
    counts = _items(state).counts
    with state.transaction() as txn:
        rows = reviews.headed(txn)
    return [row | asdict(counts.get(row["id"], Counts(0, 0, 0))) for row in rows]


def reviews_table(state: ControlState) -> pa.Table:
    """Return every review, newest first."""
    plain = [{name: _plain(row[name]) for name in _REVIEWS} for row in reviews_listed(state)]
    return pa.Table.from_pylist(plain, schema=pa.schema(_REVIEWS))


def items_table(state: ControlState) -> pa.Table:
    """Return the items of all reviews. `state`: open, once (one person judged it and another must), done, gone (erased or aged)."""
    return _items(state).table


def _items(state: ControlState) -> Items:
    return state.in_parts(ITEMS, _of_review, Items.of)


def _of_review(txn: Transaction, review_id: str) -> Items:
    told = reviews.public_items(txn, review_id)
    names = {kept: ", ".join(json.loads(kept)) or None for kept in set(told["assigned"])}
    standing = [_state(*row) for row in zip(told["unit_id"], told["n"], told["need"], strict=True)]
    columns = {**told, "state": standing, "assigned": [names[kept] for kept in told["assigned"]]}
    table = pa.table({name: column_of(columns[name], kind) for name, kind in _ITEMS.items()}, schema=pa.schema(_ITEMS))
    done = len(standing) - standing.count("gone") - standing.count("open")
    return Items(table, {review_id: Counts(len(standing), standing.count("gone"), done)})


def _state(unit: str | None, judged: int, need: int) -> str:
    if unit is None:
        return "gone"
    if not judged:
        return "open"
    return "done" if judged >= need else "once"


def _plain(value: Any) -> Any:
    return naive_utc(value) if hasattr(value, "tzinfo") else value
