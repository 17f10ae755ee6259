"""One log record -> a row of `events` or `scores`, or the span of what it tells by itself. What is not about calls is counted only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collectors.batch import AT, Batch
from collectors.decode.binary import without_blobs
from collectors.decode.content import of_call
from collectors.decode.derived import MAX_MESSAGE, settle
from collectors.decode.logged_calls import INPUT, KINDS, span_of, tells
from collectors.decode.loose_json import dump, load
from collectors.decode.moments import ZERO_SPAN, ZERO_TRACE, is_id, moment
from collectors.decode.occurrences import add_change, add_exposure, add_score, event_messages, flag_of, key_of
from collectors.decode.reading import read
from collectors.decode.spans import Resource, Scope, SpanTeller, source_of
from collectors.decode.strangers import Strangers
from collectors.decode.wire import LogGroup, WireLog, WireSpan
from collectors.dialects.table import Table, Values

NOT_ABOUT_CALLS: Final = "not kept: log record is not about a model call"
NO_CONTENT: Final = "not kept: event carries no content"
UNNAMED_SCORE: Final = "evaluation result without gen_ai.evaluation.name"
NOTHING_IN_IT: Final = "not kept: log record is understood, and nothing of a call is in it"
NOT_KEPT: Final = frozenset({NOT_ABOUT_CALLS, NO_CONTENT, NOTHING_IN_IT})
"""Reasons that are no fault of the sender: counted in the ledger, not told to the client as rejections."""


FLAGS: Final = AT["spans"]["flags"]
FROM_LOG: Final = "from_log"
MAX_NAME: Final = 128
SIDES: Final = {"input": "input_messages", "output": "output_messages"}
MODEL_FACTS: Final = frozenset({"request_model", "response_model", "input_tokens", "output_tokens", "response_id"})
FACTS: Final = (
    *("operation", "provider", "request_model", "response_model", "response_id", "input_tokens", "output_tokens"),
    *("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "usage_source", "cost_usd", "finish_reason"),
    *("fingerprint", "stream", "ttft_ms", "error_type", "scope", "scope_version"),
)


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
    accepted, refused, strangers = 0, Counter[str](), Strangers()
    for group in groups:
        source, scope = source_of(group.resource, table), Scope(group.scope, group.scope_version)
        teller = Teller(SpanTeller(source, scope, table, batch, received, strangers))
        reasons = Counter[str]()
        for wire in group.logs:
            reason = teller.add(wire)
            accepted += reason is None or reason in NOT_KEPT
            if reason is not None:
                reasons[reason] += 1
        for reason, count in reasons.items():
            batch.add("refusals", time=received, source=source.app, received=count, reason=reason)
        refused += reasons
    strangers.flush(batch, received)
    return accepted, Counter({reason: count for reason, count in refused.items() if reason not in NOT_KEPT})


@dataclass
class Teller:
    """The records of one instrumentation scope, one after the other; `asked` holds what was asked in a trace and not answered yet."""

    spans: SpanTeller
    asked: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take over what records share with spans."""
        self.source, self.scope, self.received = self.spans.source, self.spans.scope, self.spans.received
        self.table, self.batch = self.spans.table, self.spans.batch

    def add(self, wire: WireLog) -> str | None:
        """Append one record, or return why not."""
        values = read(wire.attributes, self.table).values
        name, part = self._part(wire, values)
        if part in KINDS or (part == "details" and not is_id(wire.span_id, ZERO_SPAN)):
            return self._add_by_itself(wire, name, values, part)
        if part == "quiet":
            return NOTHING_IN_IT
        if not part:
            body = wire.body if isinstance(wire.body, dict) else {}
            self.spans.strangers.note_log(self.source.app, self.scope.name, name, body | wire.attributes)
            return NOT_ABOUT_CALLS
        if part == "details" and isinstance(wire.body, dict):
            values = self._told_in_body(wire.body) | values
        log = self._log(wire, name, values)
        if part in {"score", "change"}:
            return (_add_score if part == "score" else _add_change)(log, self.batch)
        body = _body(part, log)
        if body is None:
            return NO_CONTENT
        if part == "flag":
            _add_exposure(log, body, self.batch)
        facts = self._facts(log) if part == "details" else None
        _add_event(log, part, without_blobs(dump(body | {"facts": facts} if facts else body)), self.batch)
        return None

    def _part(self, wire: WireLog, values: Values) -> tuple[str, str]:
        """The name of the event, and what it holds; "" for one that is not about calls."""
        name = wire.event_name or str(values.get("event_name", ""))
        text = wire.body if isinstance(wire.body, str) and len(wire.body) < MAX_NAME else ""
        found = next((at for at in (str(values.get("event_name", "")), name, text) if at in self.table.events), None)
        if found is not None:
            return found, self.table.events[found]
        if "exception_type" in values and is_id(wire.trace_id, ZERO_TRACE):
            return name, "exception"
        if self.table.any_event:
            return name, self.table.any_event
        whole = isinstance(wire.body, dict) and any(isinstance(wire.body.get(side), dict) for side in SIDES)
        return name, "details" if whole and is_id(wire.span_id, ZERO_SPAN) else ""

    def _told_in_body(self, body: dict[str, Any]) -> Values:
        """Some SDKs put the fields into the body, AgentCore both sides of the conversation."""
        told = {f"gen_ai.{key.removeprefix('gen_ai.')}": value for key, value in body.items()}
        sides = {field: _listed(body[side]) for side, field in SIDES.items() if isinstance(body.get(side), dict)}
        return {**read(told, self.table).values, **sides}

    def _log(self, wire: WireLog, name: str, values: Values) -> _Log:
        return _Log(
            wire,
            name,
            values,
            self.source,
            moment(wire.time_ns or wire.observed_ns, self.received, []),
            self.received,
            wire.trace_id if is_id(wire.trace_id, ZERO_TRACE) else None,
            wire.span_id if is_id(wire.span_id, ZERO_SPAN) else None,
        )

    def _add_by_itself(self, wire: WireLog, name: str, values: Values, part: str) -> str | None:
        """Append a record that tells a call, a question or a tool's run, as a span."""
        if isinstance(wire.body, dict):
            values = self._told_in_body(wire.body) | read(wire.body, self.table).values | values
        told = "call" if part == "details" else part
        if not tells(told, values):
            return NOTHING_IN_IT
        session = values.get("session_id") or self.source.values.get("session_id")
        span = span_of(wire, name, values, told, (self.source.app, session))
        if part == "step" and "input_messages" in values:
            self.asked[span.trace_id] = values["input_messages"]
        if told == "call" and "input_messages" not in values and span.trace_id in self.asked:
            span.attributes[INPUT] = self.asked.pop(span.trace_id)
        self._add_span(span, KINDS[told])
        return None

    def _add_span(self, span: WireSpan, kind: str) -> None:
        self.spans.add(span, kind)
        note = self.batch.rows["spans"][-1]
        note[FLAGS] = ",".join(filter(None, (note[FLAGS], FROM_LOG)))

    def _facts(self, log: _Log) -> dict[str, Any] | None:
        """What a record says of its call, for the case that the span of the call never comes."""
        if MODEL_FACTS.isdisjoint(log.values):
            return None
        values = dict(log.values)
        values["operation"] = self.table.operations.get(str(values.get("operation", "")).lower(), ("chat",))[0]
        span = span_of(log.wire, log.name, values, "call", (log.source.app, None))
        settle(values, span, "llm", self.spans.dialect, self.table)
        values |= {"scope": self.scope.name or None, "scope_version": self.scope.version or None}
        return {name: values[name] for name in FACTS if values.get(name) is not None}


def _listed(side: dict[str, Any]) -> dict[str, Any]:
    """One side of a conversation; its messages may come as JSON text."""
    messages = side.get("messages")
    return side | {"messages": load(messages).value} if isinstance(messages, str) else side


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


def _add_exposure(log: _Log, flag: dict[str, str], batch: Batch) -> None:
    add_exposure(batch, flag, log.wire.attributes, time=log.time, received=log.received, source=log.source.app)


def _add_change(log: _Log, batch: Batch) -> str | None:
    return add_change(batch, log.wire.attributes, app=log.source.app, time=log.time, received=log.received)


def _body(part: str, log: _Log) -> Any:
    """Return what the event says as a JSON value; None when it says nothing."""
    try:
        if part == "details":
            return _details(log)
        if part == "end":
            return {} if log.values.get("session_id") else None
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
