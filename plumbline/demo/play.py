"""Send the demo through the OTLP door like any production app, two weeks in as many seconds as asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExportResult

from monitor.clock import Clock
from monitor.errors import Unreachable
from plumbline.demo.story import Truth, Visit, tell, truth_of
from plumbline.demo.telemetry import Stage

PATIENCE_S = 30.0
"""How long one batch is retried while the collector answers 503."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class DemoReport:
    """What was sent, and what a good monitor should say of it."""

    turns: int
    spans: int
    truth: Truth


def play_demo(
    endpoint: str,
    *,
    seed: int,
    seconds: float,
    until: datetime,
    clock: Clock,
    pause: Callable[[float], None],
    progress: Progress,
) -> DemoReport:
    """Send two weeks ending at `until` to the OTLP/HTTP base address `endpoint`, hour by hour, within about `seconds`.

    Same seed and `until`: same ids and texts, so that a play that was cut short can be sent again. `progress` gets the
    share done and a line for the person waiting. Raises `Unreachable` when a batch is not taken.
    """
    visits = tell(seed, until)
    stage, spans, started = Stage(seed, until), 0, clock.monotonic()
    with _door(endpoint) as send:
        hours = _hours(visits)
        for number, (hour, batch) in enumerate(hours, 1):
            for visit in batch:
                stage.perform(visit)
            spans += send(stage)
            progress(number / len(hours), f"{hour:%a %d %b %H:00}, {spans} spans sent")
            ahead = started + seconds * number / len(hours) - clock.monotonic()
            if ahead > 0:
                pause(ahead)
    return DemoReport(len(visits), spans, truth_of(visits, until))


def _hours(visits: Sequence[Visit]) -> list[tuple[datetime, list[Visit]]]:
    by_hour = groupby(visits, lambda visit: visit.time.replace(minute=0, second=0, microsecond=0))
    return [(hour, list(batch)) for hour, batch in by_hour]


@contextmanager
def _door(endpoint: str) -> Iterator[Callable[[Stage], int]]:
    """The two exporters of one play; the yielded function sends what a stage holds and returns how many spans that were."""
    base = endpoint.rstrip("/")
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        spans = OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=PATIENCE_S)
        logs = OTLPLogExporter(endpoint=f"{base}/v1/logs", timeout=PATIENCE_S)
        stack.callback(spans.shutdown)
        stack.callback(logs.shutdown)

        def send(stage: Stage) -> int:
            ended, records = stage.take()
            if ended and spans.export(ended) is not SpanExportResult.SUCCESS:
                raise Unreachable(f"{base} did not take the demo's spans; is the collector running there?")
            if records and logs.export(records) is not LogRecordExportResult.SUCCESS:
                raise Unreachable(f"{base} did not take the demo's feedback; is the collector running there?")
            return len(ended)

        yield send


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters log each retry with a stack trace; the person who started the demo gets one line instead."""
    logger = logging.getLogger("opentelemetry.exporter")
    before, logger.disabled = logger.level, False
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
