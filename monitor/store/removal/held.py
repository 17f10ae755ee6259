"""What of the store a legal hold keeps: the traces that are named, or that what is named took part in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from monitor.store.opening import Store, Transaction
from monitor.store.removal.age_limits import Limits, at_stake

COLUMN: Final[Mapping[str, str]] = {"trace": "trace_id", "user": "user_id", "session": "session_id", "app": "app"}
"""Where each kind of subject is named."""


NAMING: Final = ("spans", "turns", "events")
"""Tables that say whose a trace is."""


def as_of_now(txn: Transaction, tables: Mapping[str, pl.DataFrame], limits: Limits) -> Limits:
    """Return `limits` under which a trace is held also where only these rows, or the store since it was last looked at, say whose it is."""
    stake = at_stake(tables, limits) if limits.held.subjects else frozenset()
    if not stake:
        return limits
    found = stake & frozenset().union(*_named_in(tables, limits), _stored(txn, stake, limits))
    return replace(limits, held=replace(limits.held, traces=limits.held.traces | found))


def _named_in(tables: Mapping[str, pl.DataFrame], limits: Limits) -> Iterator[frozenset[str]]:
    for name in NAMING:
        rows = tables.get(name, pl.DataFrame())
        for column, ids in limits.held.subjects.items():
            if {column, "trace_id"} <= set(rows.columns):
                yield frozenset(rows.filter(pl.col(column).is_in(list(ids)))["trace_id"].drop_nulls())


def _stored(txn: Transaction, stake: frozenset[str], limits: Limits) -> frozenset[str]:
    subjects = limits.held.subjects
    whose = " OR ".join(f"list_contains(${column}, {column})" for column in subjects)
    told = " UNION ".join(
        f"SELECT trace_id FROM base.{table} WHERE list_contains($stake, trace_id) AND ({whose})" for table in NAMING
    )
    given = {column: list(ids) for column, ids in subjects.items()} | {"stake": list(stake)}
    return frozenset(str(trace) for trace in txn.read(told, given)["trace_id"].to_pylist())


def traces_of(store: Store, kind: str, forms: Sequence[str]) -> frozenset[str]:
    """Return the traces that a subject took part in, by every form of its id; a trace is one whether it is stored or not."""
    if kind == "trace":
        return frozenset(forms)
    column = COLUMN[kind]
    named = " UNION ".join(
        f"SELECT trace_id FROM base.{table} WHERE list_contains($forms, {column}) AND trace_id IS NOT NULL"
        for table in NAMING
    )
    return frozenset(str(trace) for trace in store.read(named, {"forms": list(forms)})["trace_id"].to_pylist())
