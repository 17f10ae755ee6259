"""Applications with the real OpenTelemetry SDK and its real exporters, which remember what was acknowledged to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

TEXT = "How long does a refund take? " * 20


@dataclass
class Remembering(SpanExporter):
    """The real exporter, and the ids of the spans it was told are safe."""

    inner: SpanExporter
    acknowledged: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self.inner.export(spans)
        ids = {f"{span.context.span_id:016x}" for span in spans if span.context}
        (self.acknowledged if result is SpanExportResult.SUCCESS else self.failed).update(ids)
        return result

    def shutdown(self) -> None:
        self.inner.shutdown()


@dataclass
class App:
    """Makes model calls until told to stop. `made` counts the spans."""

    name: str
    exporter: Remembering
    batch: int = 64
    made: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.provider = TracerProvider(resource=Resource.create({"service.name": self.name}), shutdown_on_exit=False)
        self.provider.add_span_processor(
            BatchSpanProcessor(
                self.exporter, max_queue_size=100_000, schedule_delay_millis=50, max_export_batch_size=self.batch
            )
        )
        self.tracer = self.provider.get_tracer("tests.wire")

    def call_model(self) -> None:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.input.messages": f'[{{"role":"user","parts":[{{"type":"text","content":"{TEXT}"}}]}}]',
        }
        with (
            self.tracer.start_as_current_span("turn"),
            self.tracer.start_as_current_span("chat m", attributes=attributes),
        ):
            self.made += 2

    def run(self) -> None:
        while not self.stop.wait(0.005):
            self.call_model()

    def close(self) -> None:
        self.provider.force_flush()
        self.provider.shutdown()


def http_exporter(address: str) -> SpanExporter:
    return HttpExporter(endpoint=f"http://{address}/v1/traces", timeout=30)


def grpc_exporter(address: str) -> SpanExporter:
    return GrpcExporter(endpoint=f"http://{address}", insecure=True, timeout=30)


@contextmanager
def working(exporters: Sequence[Callable[[], SpanExporter]], batch: int = 64) -> Iterator[list[App]]:
    """One application an exporter, all at work while the block runs; what they hold is sent at its end."""
    apps = [App(f"app-{number}", Remembering(make()), batch) for number, make in enumerate(exporters)]
    threads = [threading.Thread(target=app.run, daemon=True) for app in apps]
    for thread in threads:
        thread.start()
    try:
        yield apps
    finally:
        for app in apps:
            app.stop.set()
        for thread in threads:
            thread.join()
        closing = [threading.Thread(target=app.close, daemon=True) for app in apps]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(120)
