"""Who, in which session and in which arm: told once in a trace, known to every span of it that is in the batch.

Values flow from a span up to its root when the root lacks them and nobody contradicts, then from ancestors down. What
lies in other batches is joined when the trace is finished, by the store.
"""

from __future__ import annotations

from typing import Final

from collectors.batch import AT, Batch, Row
from collectors.decode.loose_json import load
from collectors.decode.replies import apply_replies

SPAN: Final = AT["spans"]
EVENT: Final = AT["events"]

Columns = tuple[int, int]

UP: Final[tuple[Columns, ...]] = (
    (SPAN["user_id"], SPAN["user_id"]),
    (SPAN["session_id"], SPAN["session_id"]),
    (SPAN["experiment"], SPAN["variant"]),
)
DOWN: Final[tuple[Columns, ...]] = (
    *UP,
    (SPAN["prompt_name"], SPAN["prompt_version"]),
    (SPAN["environment"], SPAN["environment"]),
)
"""Columns that travel together: an arm without its experiment would be filled with somebody else's."""

TRACE, ID, PARENT = SPAN["trace_id"], SPAN["span_id"], SPAN["parent_id"]


def propagate(batch: Batch) -> None:
    """Fill identity within each trace of the batch, in place."""
    _apply_flags(batch)
    apply_replies(batch)
    traces: dict[str, list[Row]] = {}
    for row in batch.rows["spans"]:
        traces.setdefault(row[TRACE], []).append(row)
    for rows in traces.values():
        if len(rows) > 1:
            _fill_trace(rows)


def _apply_flags(batch: Batch) -> None:
    """Put the arm of a flag event on the span it happened in."""
    flags = [event for event in batch.rows["events"] if event[EVENT["part"]] == "flag"]
    spans = {(row[TRACE], row[ID]): row for row in batch.rows["spans"]} if flags else {}
    for event in flags:
        span = spans.get((event[EVENT["trace_id"]], event[EVENT["span_id"]]))
        if span is None:
            continue
        flag = load(event[EVENT["body"]]).value
        if span[SPAN["variant"]] is None:
            span[SPAN["experiment"]], span[SPAN["variant"]] = flag.get("experiment"), flag.get("variant")
        if span[SPAN["user_id"]] is None:
            span[SPAN["user_id"]] = flag.get("context_id")


def _fill_trace(rows: list[Row]) -> None:
    parents: dict[str, Row] = {}
    for columns in DOWN:
        lacking = [row for row in rows if _lacks(row, columns)]
        if not lacking or len(lacking) == len(rows):
            continue
        parents = parents or {row[ID]: row for row in rows}
        if columns in UP:
            _lift(rows, columns, parents)
        _inherit(lacking, columns, parents)


def _lift(rows: list[Row], columns: Columns, parents: dict[str, Row]) -> None:
    """Give the roots what the spans below say, if they all say the same."""
    first, second = columns
    told = {(row[first], row[second]) for row in rows if not _lacks(row, columns)}
    if len(told) == 1:
        for row in rows:
            if row[PARENT] not in parents and _lacks(row, columns):
                row[first], row[second] = next(iter(told))


def _inherit(lacking: list[Row], columns: Columns, parents: dict[str, Row]) -> None:
    """Fill each row from its nearest ancestor that knows. Every row is walked over once, loops among parents included."""
    first, second = columns
    walked: set[int] = set()
    for row in lacking:
        path: list[Row] = []
        above: Row | None = row
        while above is not None and _lacks(above, columns) and id(above) not in walked:
            walked.add(id(above))
            path.append(above)
            above = parents.get(above[PARENT])
        if above is not None:
            for below in path:
                below[first], below[second] = above[first], above[second]


def _lacks(row: Row, columns: Columns) -> bool:
    return row[columns[0]] is None and row[columns[1]] is None
