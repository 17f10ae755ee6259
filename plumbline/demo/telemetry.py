"""One visit as the spans and the feedback that a production app would send, in current OpenTelemetry GenAI conventions.

Made with opentelemetry-sdk itself, only that start and end are in the past and ids follow from the play, so that the
same play sent twice is stored once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from plumbline.demo.answers import Reply
from plumbline.demo.story import EXPERIMENT, Visit
from plumbline.demo.texts import COMPANY_MAIL

APP: Final = "demo-support"
ENVIRONMENT: Final = "demo"
RELEASE: Final = "2.4.0"
RESOURCE: Final = Resource(
    {
        "service.name": APP,
        "service.version": RELEASE,
        "deployment.environment.name": ENVIRONMENT,
        "plumbline.demo": True,
    }
)
_SYSTEM: Final = (
    "You are the support assistant of Quillmere, a shop for the home. Be accurate, {tone} and brief. Never promise a refund "
    f"before the depot has checked the item. Never tell one customer about another. Our address is {COMPANY_MAIL}."
)
_TONES: Final = {"A": "formal", "B": "warm"}
_SECOND: Final = 1_000_000_000


def trace_id_of(seed: int, until: datetime, number: int) -> str:
    """Return the trace id, as 32 hex digits, of visit `number` of a play."""
    return hashlib.sha256(f"demo:{seed}:{until.isoformat()}:{number}".encode()).hexdigest()[:32]


@dataclass
class _Ids(IdGenerator):
    """Ids that follow from the trace at hand."""

    trace: str = ""
    spans: int = 0

    def turn_to(self, trace: str) -> None:
        self.trace, self.spans = trace, 0

    def generate_trace_id(self) -> int:
        return int(self.trace, 16)

    def generate_span_id(self) -> int:
        self.spans += 1
        return int(hashlib.sha256(f"{self.trace}:{self.spans}".encode()).hexdigest()[:16], 16)


@dataclass
class _Spans(SpanProcessor):
    """Keeps ended spans until they are taken."""

    held: list[ReadableSpan] = field(default_factory=list)

    def on_end(self, span: ReadableSpan) -> None:
        self.held.append(span)


@dataclass
class _Logs(LogRecordProcessor):
    """Keeps log records until they are taken."""

    held: list[ReadableLogRecord] = field(default_factory=list)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.held.append(ReadableLogRecord(log_record.log_record, RESOURCE, log_record.instrumentation_scope))

    def shutdown(self) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 the processor's signature
        """Nothing is sent from here."""
        return True


class Stage:
    """Where visits become telemetry of one play."""

    def __init__(self, seed: int, until: datetime) -> None:
        """Set up an SDK of its own: no global provider is touched."""
        self._play = (seed, until)
        self._ids, self._spans, self._logs = _Ids(), _Spans(), _Logs()
        provider = TracerProvider(sampler=ALWAYS_ON, resource=RESOURCE, shutdown_on_exit=False, id_generator=self._ids)
        provider.add_span_processor(self._spans)
        self._tracer = provider.get_tracer("plumbline.demo")
        logs = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
        logs.add_log_record_processor(self._logs)
        self._logger = logs.get_logger("plumbline.demo")

    def perform(self, visit: Visit) -> None:
        """Make the spans of `visit`: the agent, what it looked up, its one model call, and the user's feedback."""
        self._ids.turn_to(trace_id_of(*self._play, visit.number))
        start = _nanos(visit.time)
        end = start + int(visit.latency_s * _SECOND)
        common = _common(visit)
        agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support-assistant"}
        with self._span(
            "invoke_agent support-assistant", SpanKind.INTERNAL, (start, end), None, common | agent
        ) as root:
            if visit.answer is not None:
                self._look_up(visit.answer, root, start)
            self._call(visit, root, (start + (end - start) // 3, end), common)
            root.set_attributes(_exchange(visit))
            _fail(root, visit)
        if visit.helpful is not None:
            self._rate(visit, visit.helpful, root, end)

    def take(self) -> tuple[list[ReadableSpan], list[ReadableLogRecord]]:
        """Hand over what was made since the last call."""
        taken = (list(self._spans.held), list(self._logs.held))
        self._spans.held.clear()
        self._logs.held.clear()
        return taken

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        times: tuple[int, int],
        parent: Span | None,
        attributes: dict[str, AttributeValue],
    ) -> Iterator[Span]:
        context = set_span_in_context(parent) if parent else None
        span = self._tracer.start_span(name, context, kind, attributes, start_time=times[0])
        yield span
        span.end(times[1])

    def _look_up(self, answer: Reply, root: Span, start: int) -> None:
        if answer.looked_up is not None:
            tool = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "look_up_order",
                "gen_ai.tool.call.id": f"call_{answer.order}",
                "gen_ai.tool.call.arguments": json.dumps({"order": answer.order}),
                "gen_ai.tool.call.result": json.dumps(answer.looked_up),
            }
            times = (start + _SECOND // 100, start + _SECOND // 8)
            with self._span("execute_tool look_up_order", SpanKind.INTERNAL, times, root, {**tool}):
                pass
        if answer.searched is not None:
            search = {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.data_source.id": "help-centre",
                "gen_ai.retrieval.query.text": answer.searched,
                "gen_ai.retrieval.documents": json.dumps([{"id": f"help-{len(answer.searched) % 40}", "score": 0.71}]),
            }
            times = (start + _SECOND // 8, start + _SECOND // 5)
            with self._span("retrieval help-centre", SpanKind.CLIENT, times, root, {**search}):
                pass

    def _call(self, visit: Visit, root: Span, times: tuple[int, int], common: dict[str, AttributeValue]) -> None:
        said = visit.answer.text if visit.answer else ""
        call: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "demo",
            "gen_ai.request.model": "demo-large",
            "gen_ai.request.temperature": 0.3,
            "gen_ai.prompt.name": visit.intent,
            "gen_ai.prompt.version": "1" if visit.arm == "A" else "2",
        }
        if visit.answer is not None:
            call |= {
                "gen_ai.response.model": visit.model,
                "gen_ai.response.id": f"demo-{self._ids.trace[:16]}",
                "gen_ai.response.finish_reasons": ("stop",),
                "gen_ai.usage.input_tokens": 90 + len(visit.ask) // 4,
                "gen_ai.usage.output_tokens": max(1, len(said) // 4),
            }
        with self._span("chat demo-large", SpanKind.CLIENT, times, root, common | call | _exchange(visit)) as span:
            _fail(span, visit)

    def _rate(self, visit: Visit, helpful: float, root: Span, end: int) -> None:
        self._logger.emit(
            LogRecord(
                timestamp=end + 20 * _SECOND,
                context=set_span_in_context(root),
                severity_number=SeverityNumber.INFO,
                event_name="gen_ai.evaluation.result",
                attributes={
                    "gen_ai.evaluation.name": "helpful",
                    "gen_ai.evaluation.score.value": helpful,
                    "gen_ai.evaluation.score.label": "up" if helpful else "down",
                    "user.id": visit.user,
                },
            )
        )


def _common(visit: Visit) -> dict[str, AttributeValue]:
    return {
        "gen_ai.conversation.id": visit.session,
        "session.id": visit.session,
        "user.id": visit.user,
        "feature_flag.key": EXPERIMENT,
        "feature_flag.result.variant": visit.arm,
        "feature_flag.context.id": visit.user,
    }


def _exchange(visit: Visit) -> dict[str, AttributeValue]:
    exchange: dict[str, AttributeValue] = {
        "gen_ai.system_instructions": json.dumps([_part(_SYSTEM.format(tone=_TONES[visit.arm]))]),
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [_part(visit.ask)]}]),
    }
    if visit.answer is not None:
        said = {"role": "assistant", "parts": [_part(visit.answer.text)], "finish_reason": "stop"}
        exchange["gen_ai.output.messages"] = json.dumps([said])
    return exchange


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _fail(span: Span, visit: Visit) -> None:
    if visit.answer is None:
        span.set_attribute("error.type", "RateLimitError")
        span.set_status(Status(StatusCode.ERROR, "429: too many requests, try again in 20 s"))


def _nanos(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1_000
