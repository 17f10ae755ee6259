"""What one exported record tells, as OpenTelemetry would have told it: spans and scores.

An importer only renames and reshapes; messages, kinds, usage, identity and arms are read by the decoder that reads live
telemetry, so that both mean the same and a rule is written once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collectors.batch import AT, Batch
from collectors.decode.loose_json import load
from collectors.decode.spans import add_spans
from collectors.decode.wire import SpanGroup, WireSpan
from collectors.dialects.table import Table, table

DIALECT: Final = AT["spans"]["dialect"]
FLAGS: Final = AT["spans"]["flags"]
SCOPE: Final = "plumbline.import"
UNKNOWN: Final = "unknown"
DAY_US: Final = 86_400_000_000
OK: Final = 1
FAILED: Final = 2

Row = dict[str, Any]


class BadRecord(ValueError):
    """A record that cannot be taken as it is; says why in a few words."""


@dataclass(frozen=True)
class Origin:
    """What holds for every record of one file; times in microseconds UTC. `app` is for records that name none.

    `requests` are batch requests by custom id, for results that do not repeat what was asked.
    """

    changed_us: int  # when the file was last changed
    received_us: int
    app: str | None
    requests: Mapping[str, bytes] = field(default_factory=dict)
    signal: str | None = None  # of recorded OTLP bodies, where the name of the file tells
    names: Mapping[str, str] = field(default_factory=dict)  # our field -> column, as --map says
    rules: Table | None = None  # None takes the shipped dialects


class Added(NamedTuple):
    """What became of one record: things that were fine, things refused and why, and what is worth counting."""

    accepted: int = 0
    rejected: int = 0
    message: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why a call failed, in the words of the record."""

    kind: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class RecordSpan:
    """One span of a record: ids as the record has them made ours, times in nanoseconds (0 unknown), notes for `flags`."""

    trace_id: str
    span_id: str
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    parent_id: str = ""
    failure: Failure | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """The steps and scores of one record, and what its resource would have said."""

    steps: Sequence[RecordSpan] = ()
    scores: Sequence[Row] = ()
    resource: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def add_told(batch: Batch, told: Told, origin: Origin, dialect: str) -> Added:
    """Append the rows of one record, marked with the `dialect` it was read as."""
    app = said(told.resource.get("service.name")) or origin.app or UNKNOWN
    resource = {name: value for name, value in told.resource.items() if said(value) is not None} | {"service.name": app}
    begin = len(batch.rows["spans"])
    spans = [_wire(step, origin) for step in told.steps]
    rules = table() if origin.rules is None else origin.rules
    accepted, refused = add_spans([SpanGroup(resource, SCOPE, "", iter(spans))], rules, batch, origin.received_us)
    if refused:
        raise BadRecord("; ".join(refused))
    for row, step in zip(batch.rows["spans"][begin:], told.steps, strict=True):
        row[DIALECT] = dialect
        flags = [*filter(None, (row[FLAGS],)), *step.flags, *(("time_unknown",) if step.start_ns <= 0 else ())]
        row[FLAGS] = ",".join(flags) or None
    for score in told.scores:
        time = _possible(score["time"], origin)
        batch.add("scores", **{**score, "time": time}, received_at=origin.received_us, source=app)
    return Added(accepted + len(told.scores), notes=told.notes)


def _possible(time_us: int, origin: Origin) -> int:
    """A time that is missing or lies ahead of us is that of the file, as for spans."""
    return time_us if 0 < time_us <= origin.received_us + DAY_US else origin.changed_us


def _wire(step: RecordSpan, origin: Origin) -> WireSpan:
    """A record without a time gets that of its file: a guess that every import repeats."""
    failure = step.failure
    attributes = {name: value for name, value in step.attributes.items() if value is not None}
    if failure and failure.kind:
        attributes["error.type"] = failure.kind
    return WireSpan(
        trace_id=step.trace_id,
        span_id=step.span_id,
        parent_id=step.parent_id,
        name=step.name,
        start_ns=step.start_ns or origin.changed_us * 1000,
        end_ns=step.end_ns if step.start_ns else 0,
        status=FAILED if failure else OK,
        status_message=(failure.message or "") if failure else "",
        attributes=attributes,
        events=[],
    )


def said(value: Any) -> str | None:
    """Return a value as text when it says something: exports write nulls as empty text too."""
    if value is None or isinstance(value, dict | list) or value == "":
        return None
    return str(value)


def first(*values: Any) -> str | None:
    """Return the first value that says something."""
    return next((text for value in values if (text := said(value)) is not None), None)


def opened(value: Any) -> Any:
    """Return what JSON text holds: tables carry nested values as text."""
    return load(value).value if isinstance(value, str) else value


def mapping(value: Any) -> dict[str, Any]:
    """Return the object that a value is or encodes, or an empty one."""
    found = opened(value)
    return found if isinstance(found, dict) else {}


def number(value: Any) -> float | None:
    """Return a number, or None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found == found and abs(found) != float("inf") else None  # noqa: PLR0124 - NaN is not itself
