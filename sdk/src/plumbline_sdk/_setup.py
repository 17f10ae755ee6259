"""`init()`: add Plumbline to the OpenTelemetry set-up an application has, or make one where there is none."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections import Counter
from threading import Lock
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.util.re import parse_env_headers

from plumbline_sdk._clean import Cleaner, Hook
from plumbline_sdk._feedback import outlet
from plumbline_sdk._pipe import Pipe
from plumbline_sdk._tags import current_tags

_log = logging.getLogger("plumbline_sdk")
_lock = Lock()
_known: list[Any] = []
_pipes: list[Pipe[Any]] = []
EXIT_S = 3.0


def init(
    endpoint: str | None = None,
    *,
    service: str | None = None,
    api_key: str | None = None,
    provider: Any = None,
    spans: bool = True,
    max_chars: int = 100_000,
    redact: Hook | None = None,
) -> bool:
    """Send spans to Plumbline and let the tags and `feedback` work; returns whether that is set up.

    Adds to `provider`, or to the tracer provider that is set, and makes one only where none is: call it after your own set-up.
    Calling it again for a provider does nothing. `endpoint` and `api_key` default to PLUMBLINE_ENDPOINT and
    PLUMBLINE_API_KEY, then to OTEL_EXPORTER_OTLP_*. `spans=False` leaves the spans to an exporter of yours.
    `redact(attribute, text)` returns the text to send, or None to leave it out.
    """
    try:
        with _lock:
            chosen = provider or _provider(service)
            return any(known is chosen for known in _known) or _add(
                chosen, endpoint, api_key, spans, Cleaner(max_chars, redact)
            )
    except Exception:  # noqa: BLE001 - the edge of somebody else's application: nothing of ours may fail it
        _log.warning("plumbline: tracing is not set up", exc_info=True)
        return False


def flush(timeout: float = EXIT_S) -> bool:
    """Send what waits, for at most `timeout` seconds: at the end of a serverless call, or of a forked worker's work."""
    until = time.monotonic() + timeout
    return not [pipe for pipe in list(_pipes) if not pipe.flush(max(0.0, until - time.monotonic()))]


def stats() -> dict[str, int]:
    """Return how many spans and feedback records of this process were sent, dropped (no room) and lost (not delivered)."""
    total = sum((pipe.counts for pipe in list(_pipes)), Counter[str]())
    return {name: total[name] for name in ("sent", "dropped", "lost")}


def _provider(service: str | None) -> Any:
    present = trace.get_tracer_provider()
    if not isinstance(present, trace.ProxyTracerProvider):
        return present
    provider = TracerProvider(resource=Resource.create({"service.name": service} if service else {}))
    trace.set_tracer_provider(provider)
    _log.info("plumbline: made a tracer provider, since none was set; call init() after your own set-up")
    return provider


def _add(provider: Any, endpoint: str | None, api_key: str | None, spans: bool, clean: Cleaner) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not hasattr(provider, "add_span_processor"):
        _log.warning("plumbline: %s takes no span processors, or is off: nothing is set up", type(provider).__name__)
        return False
    traces, logs = (_options(signal, endpoint, api_key) for signal in ("traces", "logs"))
    out = Pipe[ReadableSpan](lambda: OTLPSpanExporter(**traces).export, clean.span)
    said = Pipe(lambda: OTLPLogExporter(**logs).export, clean.record)
    provider.add_span_processor(_Outlet(out if spans else None))
    if not outlet:
        outlet.append((said, getattr(provider, "resource", None) or Resource.create()))
        _pipes.append(said)
        atexit.register(flush)
    _pipes.append(out)
    _known.append(provider)
    return True


def _options(signal: str, endpoint: str | None, api_key: str | None) -> dict[str, Any]:
    """Return what the exporter of a signal is told; what is left open it takes from OTEL_EXPORTER_OTLP_*."""
    base, key = endpoint or os.environ.get("PLUMBLINE_ENDPOINT"), api_key or os.environ.get("PLUMBLINE_API_KEY")
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
    others = next((os.environ[name] for name in names if base and os.environ.get(name)), "")
    blank = dict.fromkeys(parse_env_headers(others, liberal=True), "")  # keys of another receiver must not come to us
    headers = blank | ({"authorization": f"Bearer {key}"} if key else {})
    url = f"{base.rstrip('/')}/v1/{signal}" if base else None
    return {"endpoint": url, "headers": headers, "compression": Compression.Gzip}


class _Outlet(SpanProcessor):
    """The end of a provider: puts the tags that hold onto a span that starts, and the span into the pipe when it ends."""

    def __init__(self, pipe: Pipe[ReadableSpan] | None) -> None:
        self._pipe = pipe

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the processor's signature
        try:
            for key, value in current_tags().items():
                if key not in (span.attributes or {}):
                    span.set_attribute(key, str(value))
        except Exception:  # noqa: BLE001 - a tag that has no text
            _log.warning("plumbline: a span is not tagged", exc_info=True)

    def on_end(self, span: ReadableSpan) -> None:
        if self._pipe and span.context and span.context.trace_flags.sampled:
            self._pipe.put(span)

    def shutdown(self) -> None:
        self.force_flush(int(EXIT_S * 1000))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._pipe is None or self._pipe.flush(timeout_millis / 1000)
