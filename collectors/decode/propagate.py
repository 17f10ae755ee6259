"""Who, in which session and in which arm: told once in a trace, known to every span of it that is in the batch.

Values flow from a span up to its root when the root lacks them and nobody contradicts, then from ancestors down. What
lies in other batches is joined when the trace is finished, by the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from collectors.batch import AT, Batch, Row
from collectors.decode.loose_json import load

SPAN: Final = AT["spans"]
EVENT: Final = AT["events"]

UP: Final = tuple(
    tuple(SPAN[name] for name in group) for group in (("user_id",), ("session_id",), ("experiment", "variant"))
)
DOWN: Final = (*UP, (SPAN["prompt_name"], SPAN["prompt_version"]), (SPAN["environment"],))
"""Columns that travel together: an arm without its experiment would be filled with somebody else's."""

TRACE, ID, PARENT = SPAN["trace_id"], SPAN["span_id"], SPAN["parent_id"]


def propagate(batch: Batch) -> None:
    """Fill identity within each trace of the batch, in place."""
    traces: dict[str, list[Row]] = {}
    for row in batch.rows["spans"]:
        traces.setdefault(row[TRACE], []).append(row)
    for event in batch.rows["events"]:
        if event[EVENT["part"]] == "flag" and event[EVENT["trace_id"]] in traces:
            _apply_flag(event, traces[event[EVENT["trace_id"]]])
    for rows in traces.values():
        if len(rows) > 1:
            _fill_trace(rows)


def _apply_flag(event: Row, rows: list[Row]) -> None:
    """Put the arm of a flag event on the span it happened in, else on the root."""
    flag = load(event[EVENT["body"]]).value
    span = next((row for row in rows if row[ID] == event[EVENT["span_id"]]), rows[0])
    if span[SPAN["variant"]] is None:
        span[SPAN["experiment"]], span[SPAN["variant"]] = flag.get("experiment"), flag.get("variant")
    if span[SPAN["user_id"]] is None:
        span[SPAN["user_id"]] = flag.get("context_id")


def _fill_trace(rows: list[Row]) -> None:
    parents = {row[ID]: row for row in rows}
    roots = [row for row in rows if row[PARENT] not in parents]
    for columns in UP:
        told = {_held(row, columns) for row in rows} - {None}
        if len(told) == 1:
            held = told.pop()
            for root in roots:
                _give(root, columns, held)
    for row in rows:
        _inherit(row, parents)


def _inherit(row: Row, parents: dict[str, Row]) -> None:
    """Fill `row` from its nearest ancestors; a loop among parents ends where it began."""
    missing = [columns for columns in DOWN if _held(row, columns) is None]
    seen = {row[ID]}
    above = parents.get(row[PARENT])
    while missing and above is not None and above[ID] not in seen:
        seen.add(above[ID])
        for columns in missing:
            _give(row, columns, _held(above, columns))
        missing = [columns for columns in missing if _held(row, columns) is None]
        above = parents.get(above[PARENT])


def _held(row: Row, columns: Iterable[int]) -> tuple[Any, ...] | None:
    held = tuple(row[column] for column in columns)
    return held if any(value is not None for value in held) else None


def _give(row: Row, columns: tuple[int, ...], held: tuple[Any, ...] | None) -> None:
    if held is not None and _held(row, columns) is None:
        for column, value in zip(columns, held, strict=True):
            row[column] = value
