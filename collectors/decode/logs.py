"""One log record -> a row of `events` or `scores`. Records that are not about model calls are counted, not kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from collectors.batch import Batch
from collectors.decode.content import of_call
from collectors.decode.derived import MAX_MESSAGE
from collectors.decode.loose_json import dump, load
from collectors.decode.moments import moment
from collectors.decode.occurrences import add_score, event_messages, flag_of, key_of
from collectors.decode.parts import without_blobs
from collectors.decode.reading import read
from collectors.decode.spans import ZERO_SPAN, ZERO_TRACE, Resource, is_id, source_of
from collectors.decode.wire import LogGroup, WireLog
from collectors.dialects.table import Table, Values

NOT_ABOUT_CALLS: Final = "not kept: log record is not about a model call"
NO_CONTENT: Final = "not kept: event carries no content"
UNNAMED_SCORE: Final = "evaluation result without gen_ai.evaluation.name"
NOT_KEPT: Final = frozenset({NOT_ABOUT_CALLS, NO_CONTENT})
"""Reasons that are no fault of the sender: counted in the ledger, not told to the client as rejections."""


class _Log(NamedTuple):
    """A record with everything that rows are made of."""

    wire: WireLog
    name: str
    values: Values
    source: Resource
    time: int
    received: int
    trace_id: str | None
    span_id: str | None


def add_logs(groups: Iterable[LogGroup], table: Table, batch: Batch, received: int) -> tuple[int, Counter[str]]:
    """Append the rows of all useful records; return how many were fine, and why how many others were refused."""
    accepted, refused = 0, Counter[str]()
    for group in groups:
        source = source_of(group.resource, table)
        reasons = Counter[str]()
        for wire in group.logs:
            reason = _add_log(wire, source, table, batch, received)
            accepted += reason is None or reason in NOT_KEPT
            if reason is not None:
                reasons[reason] += 1
        for reason, count in reasons.items():
            batch.add("refusals", time=received, source=source.app, received=count, reason=reason)
        refused += reasons
    return accepted, Counter({reason: count for reason, count in refused.items() if reason not in NOT_KEPT})


def _add_log(wire: WireLog, source: Resource, table: Table, batch: Batch, received: int) -> str | None:
    """Append one record, or return why not."""
    values = read(wire.attributes, table).values
    name = wire.event_name or str(values.get("event_name", ""))
    part = table.events.get(name)
    if part is None and "exception_type" in values and is_id(wire.trace_id, ZERO_TRACE):
        part = "exception"
    if part is None:
        return NOT_ABOUT_CALLS
    if part == "details" and isinstance(wire.body, dict):  # some SDKs put the fields into the body
        told = {f"gen_ai.{key.removeprefix('gen_ai.')}": value for key, value in wire.body.items()}
        values = read(told, table).values | values
    log = _Log(
        wire,
        name,
        values,
        source,
        moment(wire.time_ns or wire.observed_ns, received, []),
        received,
        wire.trace_id if is_id(wire.trace_id, ZERO_TRACE) else None,
        wire.span_id if is_id(wire.span_id, ZERO_SPAN) else None,
    )
    if part == "score":
        return _add_score(log, batch)
    body = _body(part, log)
    if body is None:
        return NO_CONTENT
    _add_event(log, part, without_blobs(dump(body)), batch)
    return None


def _add_score(log: _Log, batch: Batch) -> str | None:
    scored = add_score(
        batch,
        log.values,
        trace_id=log.trace_id,
        span_id=log.span_id,
        time=log.time,
        at=log.wire.time_ns or log.wire.observed_ns,
        received=log.received,
        source=log.source.app,
    )
    return None if scored else UNNAMED_SCORE


def _body(part: str, log: _Log) -> Any:
    """Return what the event says as a JSON value; None when it says nothing."""
    try:
        if part == "details":
            return _details(log)
        if part == "flag":
            return flag_of(log.values, log.wire.attributes)
        if part == "exception":
            return _exception(log)
        messages = event_messages(log.name, log.wire.body, log.wire.attributes)
        return messages[0] if messages else _reason_only(part, log.wire.body)
    except RecursionError:  # nesting that is valid JSON and nonsense
        return None


def _reason_only(part: str, body: Any) -> dict[str, Any] | None:
    """Keep why the model stopped, which is told even where content is off."""
    reason = body.get("finish_reason") if isinstance(body, dict) and part == "output" else None
    return {"role": "assistant", "parts": [], "finish_reason": reason[:64]} if isinstance(reason, str) else None


def _details(log: _Log) -> dict[str, Any] | None:
    content = of_call(log.values, [], wide=False)
    found = {
        "system_text": content.system_text,
        "input_messages": _value(content.input_messages),
        "output_messages": _value(content.output_messages),
    }
    said = {name: value for name, value in found.items() if value is not None}
    return said or None


def _value(text: str | None) -> Any:
    return None if text is None else load(text).value


def _exception(log: _Log) -> dict[str, str]:
    message = log.values.get("exception_message")
    return {
        "type": log.values.get("exception_type") or log.values.get("error_type") or "_OTHER",
        "message": message[:MAX_MESSAGE] if isinstance(message, str) else "",
    }


def _add_event(log: _Log, part: str, body: str, batch: Batch) -> None:
    known, resource = log.values.get, log.source.values.get
    batch.add(
        "events",
        key=key_of(log.trace_id, log.span_id, log.wire.time_ns or log.wire.observed_ns, log.name, body),
        trace_id=log.trace_id,
        span_id=log.span_id,
        time=log.time,
        received_at=log.received,
        name=log.name,
        part=part,
        app=log.source.app,
        environment=known("environment") or resource("environment"),
        user_id=known("user_id") or resource("user_id"),
        session_id=known("session_id") or resource("session_id"),
        body=body,
        source=log.source.app,
    )
