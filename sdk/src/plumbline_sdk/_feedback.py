"""`feedback()`: what a user or an evaluator said of an answer, as the OpenTelemetry event `gen_ai.evaluation.result`."""

from __future__ import annotations

import logging
import time

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

_log = logging.getLogger("plumbline_sdk")
_providers: list[LoggerProvider] = []
COMMENT_CHARS = 2_000


def connect(endpoint: str, headers: dict[str, str], resource: Resource) -> None:
    """Send feedback to `endpoint` from now on; called by `init`."""
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint, headers=headers)))
    _providers.append(provider)


def feedback(
    name: str,
    value: float | None = None,
    *,
    label: str | None = None,
    comment: str | None = None,
    trace_id: str | None = None,
    span_id: str | None = None,
    response_id: str | None = None,
) -> bool:
    """Record a score for the current span, or for a trace, span or model response named by its id.

    Returns False, and logs why, when it could not be recorded; never raises and never waits for the network.
    """
    try:
        return _emit(_attributes(name, value, label, comment, response_id), trace_id, span_id)
    except Exception:  # noqa: BLE001 - the edge of somebody else's application: nothing of ours may fail it
        _log.exception("plumbline: feedback %s is not recorded", name)
        return False


def _attributes(
    name: str, value: float | None, label: str | None, comment: str | None, response_id: str | None
) -> dict[str, str | float]:
    given = {
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.value": None if value is None else float(value),
        "gen_ai.evaluation.score.label": label,
        "gen_ai.evaluation.explanation": comment[:COMMENT_CHARS] if comment else None,
        "gen_ai.response.id": response_id,
    }
    return {key: item for key, item in given.items() if item is not None}


def _emit(attributes: dict[str, str | float], trace_id: str | None, span_id: str | None) -> bool:
    if not _providers:
        _log.warning("plumbline: feedback before init() is not recorded")
        return False
    current = trace.get_current_span().get_span_context()
    target = SpanContext(
        trace_id=int(trace_id, 16) if trace_id else current.trace_id,
        span_id=int(span_id, 16) if span_id else (0 if trace_id else current.span_id),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    _providers[-1].get_logger("plumbline_sdk").emit(
        LogRecord(
            timestamp=time.time_ns(),
            context=set_span_in_context(NonRecordingSpan(target)),
            severity_number=SeverityNumber.INFO,
            event_name="gen_ai.evaluation.result",
            attributes=attributes,
        )
    )
    return True
