"""The events of a span: messages, details, exceptions, flags, scores and first tokens, by what the dialects say they hold."""

from __future__ import annotations

from typing import Any

from collectors.batch import Batch
from collectors.decode.messages import answered_last
from collectors.decode.moments import moment
from collectors.decode.occurrences import add_score, event_messages, flag_of, listed_events
from collectors.decode.reading import read
from collectors.decode.wire import Attributes, WireEvent, WireSpan
from collectors.dialects.table import Table, Values


def read_events(span: WireSpan, values: Values, table: Table, batch: Batch, received: int, app: str) -> None:
    """Read the events of a span, and those that stand in an attribute of it, into its values; scores become rows."""
    said: dict[str, list[Any]] = {"system": [], "input": [], "output": []}
    for item in listed_events(values.pop("told_events", None)):
        if (part := table.events.get(str(item.get("event.name")), "")) in said:
            said[part] += event_messages(item["event.name"], item, {})
    for event in span.events:
        part = table.events.get(event.name, "")
        if part == "details":
            values |= {
                name: value for name, value in read(event.attributes, table).values.items() if name not in values
            }
        elif part in said:
            said[part] += event_messages(event.name, None, event.attributes)
        elif part:
            _read_event(event, part, span, values, table, batch, received, app)
        elif event.name in table.first_token_events and event.time_ns > span.start_ns > 0:
            values.setdefault("first_chunk_ms", (event.time_ns - span.start_ns) / 1e6)
    answered_last(said)
    _say(said, values)


def _say(said: dict[str, list[Any]], values: Values) -> None:
    if said["system"] and "input_messages" in values:
        values.setdefault("system", said["system"])
    elif said["system"] or said["input"]:
        values.setdefault("input_messages", said["system"] + said["input"])
    if said["output"]:
        values.setdefault("output_messages", said["output"])


def _read_event(
    event: WireEvent, part: str, span: WireSpan, values: Values, table: Table, batch: Batch, received: int, app: str
) -> None:
    found = read(event.attributes, table).values
    if part == "exception":
        for field in ("exception_type", "exception_message"):
            if field in found:
                values.setdefault(field, found[field])
    elif part == "flag":
        flag = flag_of(found, event.attributes)
        if flag is not None and (is_split(event.attributes) or "variant" not in values):
            values |= {"experiment": flag["experiment"], "variant": flag["variant"]}
            if "context_id" in flag:
                values.setdefault("user_id", flag["context_id"])
    elif part == "score":
        add_score(
            batch,
            found,
            trace_id=span.trace_id,
            span_id=span.span_id,
            time=moment(event.time_ns or span.start_ns, received, []),
            at=event.time_ns,
            received=received,
            source=app,
        )


def is_split(attributes: Attributes) -> bool:
    """Tell a flag that splits traffic at random from one that targets."""
    return attributes.get("feature_flag.result.reason") == "split"
