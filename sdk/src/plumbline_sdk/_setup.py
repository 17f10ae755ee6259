"""`init()`: add Plumbline to the OpenTelemetry set-up an application has, or make one where there is none."""

from __future__ import annotations

import logging
from threading import Lock

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from plumbline_sdk._feedback import connect
from plumbline_sdk._tags import TagProcessor

_log = logging.getLogger("plumbline_sdk")
_lock = Lock()
_done: list[TracerProvider] = []


def init(endpoint: str = "http://127.0.0.1:4318", *, service: str | None = None, api_key: str | None = None) -> bool:
    """Send spans to Plumbline at `endpoint` and let `prompt`, `experiment`, `identity` and `feedback` work.

    Adds processors to the tracer provider that is set; sets one only where none is. Calling it again does nothing.
    Returns whether spans will be sent; a failure is logged, never raised.
    """
    try:
        with _lock:
            return _init(endpoint.rstrip("/"), service, {"authorization": f"Bearer {api_key}"} if api_key else {})
    except Exception:  # noqa: BLE001 - the edge of somebody else's application: nothing of ours may fail it
        _log.exception("plumbline: tracing is not set up")
        return False


def _init(endpoint: str, service: str | None, headers: dict[str, str]) -> bool:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=Resource.create({"service.name": service} if service else {}))
        trace.set_tracer_provider(provider)
    if any(known is provider for known in _done):
        return True
    provider.add_span_processor(TagProcessor())
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", headers=headers)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    connect(f"{endpoint}/v1/logs", headers, provider.resource)
    _done.append(provider)
    return True
