"""How fast OTLP bodies become rows, per dialect, beside a bare upb parse of the same bodies in the same run.

Run: `.venv/bin/python -m benchmarks.decode`. Bodies are the captured ones of ../shared; CPU seconds of one core, best of
several rounds, because the machine is shared.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collectors.batch import Batch
from collectors.decode import decode_traces, propagate
from tests.collectors_decode.cases import RECEIVED, Body, all_cases

ROUNDS = 5
SPANS_A_ROUND = 3000


class Speed(NamedTuple):
    """Spans of one dialect, and CPU seconds for decoding them and for parsing them only."""

    spans: int
    decode_s: float
    parse_s: float


def bodies_by_source() -> dict[str, list[Body]]:
    bodies: dict[str, list[Body]] = defaultdict(list)
    for case in all_cases():
        source = case.name.split("/")[0]
        if source not in {"protocol-edge", "litellm-callback"}:
            bodies[source] += [body for body in case.bodies() if body.signal == "traces"]
    return {source: found for source, found in bodies.items() if found}


def decode(bodies: list[Body]) -> int:
    batch = Batch()
    spans = sum(decode_traces(body.data, body.media, batch, RECEIVED).accepted for body in bodies)
    propagate(batch)
    return spans


def parse(bodies: list[Body]) -> int:
    for body in bodies:
        ExportTraceServiceRequest.FromString(body.data)
    return len(bodies)


def seconds(work: Callable[[list[Body]], int], bodies: list[Body]) -> float:
    took = []
    for _ in range(ROUNDS):
        before = time.process_time()
        work(bodies)
        took.append(time.process_time() - before)
    return min(took)


def speed_of(bodies: list[Body]) -> Speed:
    spans = decode(bodies)  # also fills the memory of keys
    repeated = bodies * max(1, SPANS_A_ROUND // spans)
    in_protobuf = [body for body in repeated if body.media == "protobuf"]
    return Speed(spans * (len(repeated) // len(bodies)), seconds(decode, repeated), seconds(parse, in_protobuf))


def main() -> None:
    total = Speed(0, 0.0, 0.0)
    print(f"{'source':32}{'spans/s':>10}{'x bare parse':>14}")
    for source, bodies in bodies_by_source().items():
        speed = speed_of(bodies)
        ratio = f"{speed.decode_s / speed.parse_s:.0f}" if any(body.media == "protobuf" for body in bodies) else "-"
        print(f"{source:32}{speed.spans / speed.decode_s:>10,.0f}{ratio:>14}")
        total = Speed(total.spans + speed.spans, total.decode_s + speed.decode_s, total.parse_s + speed.parse_s)
    print(
        f"{'all, equal numbers of spans':32}{total.spans / total.decode_s:>10,.0f}{total.decode_s / total.parse_s:>14.0f}"
    )


if __name__ == "__main__":
    main()
