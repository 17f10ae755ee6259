"""What of the store a legal hold keeps: the traces that are named, or that what is named took part in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from monitor.store.opening import Store

COLUMN: Final[Mapping[str, str]] = {"trace": "trace_id", "user": "user_id", "session": "session_id", "app": "app"}
"""Where each kind of subject is named."""


def traces_of(store: Store, kind: str, forms: Sequence[str]) -> frozenset[str]:
    """Return the traces that a subject took part in, by every form of its id; a trace is one whether it is stored or not."""
    if kind == "trace":
        return frozenset(forms)
    column = COLUMN[kind]
    named = " UNION ".join(
        f"SELECT trace_id FROM base.{table} WHERE list_contains($forms, {column}) AND trace_id IS NOT NULL"
        for table in ("spans", "turns", "events")
    )
    return frozenset(str(trace) for trace in store.read(named, {"forms": list(forms)})["trace_id"].to_pylist())
