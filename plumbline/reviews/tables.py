"""The public tables `reviews` and `review_items`, as SQL reads them; they have their columns even when they have no rows."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

import pyarrow as pa

from monitor.clock import naive_utc
from monitor.state import ControlState, reviews
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
}


def review_tables(state: ControlState) -> PublicTables:
    """Return both tables."""
    return PublicTables(
        {
            "reviews": PublicTable(pa.schema(_REVIEWS), partial(reviews_table, state)),
            "review_items": PublicTable(pa.schema(_ITEMS), partial(items_table, state)),
        }
    )


def reviews_table(state: ControlState) -> pa.Table:
    """Return every review, newest first."""
    return state.kept("reviews", partial(_reviews_table, state))


def _reviews_table(state: ControlState) -> pa.Table:
    with state.transaction() as txn:
        rows = reviews.listed(txn)
    plain = [{name: _plain(row[name]) for name in _REVIEWS} for row in rows]
    return pa.Table.from_pylist(plain, schema=pa.schema(_REVIEWS))


def items_table(state: ControlState) -> pa.Table:
    """Return the items of all reviews. `state`: open, once (one person judged it and another must), done, gone (erased or aged)."""
    return state.kept("review_items", partial(_items_table, state))


def _items_table(state: ControlState) -> pa.Table:
    with state.transaction() as txn:
        told = reviews.public_items(txn)
    names = {kept: ", ".join(json.loads(kept)) or None for kept in set(told["assigned"])}
    standing = [_state(*row) for row in zip(told["unit_id"], told["n"], told["need"], strict=True)]
    columns = {**told, "state": standing, "assigned": [names[kept] for kept in told["assigned"]]}
    return pa.table({name: column_of(columns[name], kind) for name, kind in _ITEMS.items()}, schema=pa.schema(_ITEMS))


def _state(unit: str | None, judged: int, need: int) -> str:
    if unit is None:
        return "gone"
    if not judged:
        return "open"
    return "done" if judged >= need else "once"


def _plain(value: Any) -> Any:
    return naive_utc(value) if hasattr(value, "tzinfo") else value
