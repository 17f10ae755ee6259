"""`feedback()`: what a user or an evaluator said of an answer, as the OpenTelemetry event `gen_ai.evaluation.result`."""

from __future__ import annotations

import logging
import time
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from plumbline_sdk._pipe import Pipe

_log = logging.getLogger("plumbline_sdk")
outlet: list[tuple[Pipe[ReadableLogRecord], Resource]] = []  # where it goes; empty before `init`


def feedback(
    name: str,
    value: float | None = None,
    *,
    label: str | None = None,
    comment: str | None = None,
    trace_id: str | int | None = None,
    span_id: str | int | None = None,
    response_id: str | None = None,
    session: str | None = None,
    message_id: str | None = None,
) -> bool:
    """Record a score for the current span, or for what an id names: trace, span, model response, session, your own message.

    Returns False, and logs why, when it could not be recorded; never raises and never waits for the network.
    """
    try:
        elsewhere = trace_id or response_id or session or message_id
        now = trace.INVALID_SPAN_CONTEXT if elsewhere else trace.get_current_span().get_span_context()
        target = SpanContext(_number(trace_id) or now.trace_id, _number(span_id) or now.span_id, is_remote=True)
        if not outlet or not (elsewhere or target.trace_id):
            _log.warning("plumbline: feedback is not recorded: %s", "no span is active" if outlet else "no init() yet")
            return False
        given: dict[str, Any] = {
            "gen_ai.evaluation.name": str(name),
            "gen_ai.evaluation.score.value": None if value is None else float(value),
            "gen_ai.evaluation.score.label": label,
            "gen_ai.evaluation.explanation": comment,
            "gen_ai.response.id": response_id,
            "session.id": session,
            "message.id": message_id,
        }
        put("gen_ai.evaluation.result", given, set_span_in_context(NonRecordingSpan(target)))
    except Exception:  # noqa: BLE001 - the edge of somebody else's application: nothing of ours may fail it
        _log.warning("plumbline: feedback is not recorded", exc_info=True)
        return False
    return True


def put(event: str, given: dict[str, Any], context: Context | None = None) -> None:
    """Send an event with what is known of `given`."""
    record = LogRecord(
        timestamp=time.time_ns(),
        context=context,
        severity_number=SeverityNumber.INFO,
        event_name=event,
        attributes={key: item for key, item in given.items() if item is not None},
    )
    pipe, resource = outlet[0]
    pipe.put(ReadableLogRecord(record, resource, InstrumentationScope("plumbline_sdk")))


def _number(identifier: str | int | None) -> int:
    return int(identifier.replace("-", ""), 16) if isinstance(identifier, str) else identifier or 0
