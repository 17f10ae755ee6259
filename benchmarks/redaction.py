"""What redaction costs: spans per second from bodies to frames, with everything on and with nothing, in the same run.

Run: `.venv/bin/python -m benchmarks.redaction`. CPU seconds of one core, best of several rounds taken in turns, because the
machine is shared. "prose" is the traffic of `make bench` (an address in one text in twenty); in "personal" every text holds an
address, a telephone number and a card, and tool calls carry JSON in strings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import bodies
from collectors.batch import Batch
from collectors.decode import decode_traces, propagate
from collectors.frames import to_tables
from collectors.redaction.redact import Redactor
from monitor.privacy.patterns import KINDS

BODIES, SPANS, ROUNDS, GROUP = 24, 128, 7, 8
PERSONAL = (
    r"Call 415-555-2671 or write to ada.king@example.org, card 4111 1111 1111 1111, {\"to\": \"kim@example.org\"}. "
)


def with_personal(body: bytes) -> bytes:
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                for attribute in span.attributes:
                    if attribute.key.endswith(".messages"):
                        told = attribute.value.string_value.replace('"content": "', '"content": "' + PERSONAL)
                        attribute.value.string_value = told
    return request.SerializeToString()


def to_frames(found: list[bytes], redactor: Redactor | None) -> None:
    for first in range(0, len(found), GROUP):
        batch = Batch()
        for body in found[first : first + GROUP]:
            decode_traces(body, "protobuf", batch, 1_763_000_000_000_000)
        propagate(batch)
        to_tables(batch, redactor)


def seconds(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def measured() -> Iterator[tuple[str, float, float]]:
    """Yield (traffic, spans/s without, spans/s with)."""
    prose = list(bodies(BODIES, SPANS, seed=1, start_ns=1_763_000_000_000_000_000))
    for name, found in (("prose", prose), ("personal", [with_personal(body) for body in prose])):
        redactor = Redactor(b"k" * 32, KINDS)
        pairs = [
            (seconds(lambda f=found: to_frames(f, None)), seconds(lambda f=found, r=redactor: to_frames(f, r)))  # type: ignore[misc]
            for _ in range(ROUNDS)
        ]
        yield name, BODIES * SPANS / min(w for w, _ in pairs), BODIES * SPANS / min(r for _, r in pairs)


def of_tiny_groups(spans: int = 1) -> float:
    """Return CPU milliseconds of a group that is one body of so many spans, everything on: its fixed cost."""
    found = list(bodies(BODIES, spans, seed=1, start_ns=1_763_000_000_000_000_000))
    redactor = Redactor(b"k" * 32, KINDS)
    return 1000 * min(seconds(lambda b=b: to_frames([b], redactor)) for _ in range(ROUNDS) for b in found)  # type: ignore[misc]


def main() -> None:
    print(f"{'traffic':<10}{'without':>12}{'with':>12}{'share':>8}   spans per second of one core")
    for name, without, with_all in measured():
        print(f"{name:<10}{without:>12,.0f}{with_all:>12,.0f}{with_all / without:>8.0%}")
    print(f"a group of one span costs {of_tiny_groups():.1f} ms")


if __name__ == "__main__":
    main()
