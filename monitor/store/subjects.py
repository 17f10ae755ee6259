"""What an id of a person's question stands for, and of which application it is."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Literal

from monitor.store.reads import Reader


def apps_of(store: Reader, subject: str) -> frozenset[str]:
    """Return the applications whose spans a trace holds, or that a finding is about; none where `subject` is neither."""
    found = store.frame(
        "SELECT DISTINCT app FROM base.spans WHERE trace_id = ? UNION SELECT app FROM base.findings WHERE id = ?",
        [subject, subject],
    )
    return frozenset(app or "" for app in found["app"].to_list())


def kind_of(store: Reader, subject: str) -> Literal["finding", "trace"] | None:
    """Return what is stored under an id; None where it is neither."""
    if store.frame("SELECT 1 FROM base.findings WHERE id = ? LIMIT 1", [subject]).height:
        return "finding"
    return "trace" if store.frame("SELECT 1 FROM base.spans WHERE trace_id = ? LIMIT 1", [subject]).height else None


def stored_among(store: Reader, traces: Collection[str]) -> set[str]:
    """Return those of `traces` that spans are stored of."""
    query = "SELECT DISTINCT trace_id FROM base.spans WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))"
    return set(store.frame(query, [sorted(traces)])["trace_id"].to_list()) if traces else set()


def examples_of(store: Reader, finding: str) -> list[str]:
    """Return the traces that a finding gives as examples."""
    found = store.frame("SELECT examples FROM base.findings WHERE id = ?", [finding])
    return [str(trace) for told in found["examples"].drop_nulls().to_list() for trace in json.loads(told)]
