"""OTLP bodies for benchmarks: four spans a trace, 2-6 KB of text on the model span, words by Zipf's law, seeded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

SPANS_PER_TRACE = 4
SYSTEM = "You are a careful assistant of a large company. " * 24  # 1.2 KB that every call repeats
VOCABULARY = 20_000


class Texts:
    """Endless seeded prose with a natural word distribution; one text in twenty holds an e-mail address."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        letters = self._random.integers(97, 123, size=(VOCABULARY, 12))
        lengths = self._random.integers(2, 12, size=VOCABULARY)
        self._words = [bytes(row[:n].tolist()).decode() for row, n in zip(letters, lengths, strict=True)]

    def prose(self, chars: int) -> str:
        """Return about `chars` characters."""
        ranks = np.minimum(self._random.zipf(1.3, size=chars // 6) - 1, VOCABULARY - 1)
        text = " ".join(self._words[rank] for rank in ranks)
        return text + (" write to kim.lee@example.org" if self._random.random() < 0.05 else "")

    def size(self) -> int:
        """Return how many characters of text the next model span carries: 2 to 6 KB with the system prompt."""
        return int(self._random.integers(800, 4_800))

    def ids(self, count: int, width: int) -> list[bytes]:
        """Return `count` random ids of `width` bytes."""
        raw = self._random.bytes(count * width)
        return [raw[i * width : (i + 1) * width] for i in range(count)]


def spans_of(spans_each: int) -> int:
    """Return how many spans a body asked for with `spans_each` really has: whole traces, or one span."""
    return max(1, spans_each // SPANS_PER_TRACE * SPANS_PER_TRACE)


def bodies(n_bodies: int, spans_each: int, *, seed: int, start_ns: int) -> Iterator[bytes]:
    """Yield `n_bodies` serialised export requests of `spans_each` spans (a multiple of four, or one)."""
    texts = Texts(seed)
    for number in range(n_bodies):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        resource.resource.attributes.append(_text("service.name", "bench-app"))
        resource.resource.attributes.append(_text("deployment.environment.name", "bench"))
        scope = resource.scope_spans.add()
        scope.scope.name = "benchmarks.traffic"
        for trace in range(max(1, spans_each // SPANS_PER_TRACE)):
            _trace(scope, texts, start_ns + (number * spans_each + trace) * 1_000_000, min(spans_each, SPANS_PER_TRACE))
        yield request.SerializeToString()


def _trace(scope: ScopeSpans, texts: Texts, start: int, n_spans: int) -> None:
    (trace_id,) = texts.ids(1, 16)
    root, *children = texts.ids(n_spans, 8)
    _call(_span(scope, trace_id, root, b"", "chat demo-model", start), texts)
    for number, child in enumerate(children):
        span = _span(scope, trace_id, child, root, f"step {number}", start + 1_000_000)
        span.attributes.append(_text("http.request.method", "POST"))
        span.attributes.append(_text("server.address", "inventory.internal"))


def _span(scope: ScopeSpans, trace_id: bytes, span_id: bytes, parent: bytes, name: str, start: int) -> Span:
    return scope.spans.add(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 800_000_000,
    )


def _call(span: Span, texts: Texts) -> None:
    size = texts.size()
    question = [{"role": "user", "parts": [{"type": "text", "content": texts.prose(size // 3)}]}]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": texts.prose(size * 2 // 3)}]}]
    for key, value in (
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "demo"),
        ("gen_ai.request.model", "demo-model"),
        ("gen_ai.response.model", "demo-model-1"),
        ("gen_ai.response.id", f"resp-{span.span_id.hex()}"),
        ("gen_ai.system_instructions", json.dumps([{"type": "text", "content": SYSTEM}])),
        ("gen_ai.input.messages", json.dumps(question)),
        ("gen_ai.output.messages", json.dumps(answer)),
        ("user.id", f"user-{span.span_id[0]}"),
        ("session.id", f"session-{span.span_id[:2].hex()}"),
    ):
        span.attributes.append(_text(key, value))
    for key, number in (("gen_ai.usage.input_tokens", size // 12), ("gen_ai.usage.output_tokens", size // 6)):
        span.attributes.append(KeyValue(key=key, value=AnyValue(int_value=number)))


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))
