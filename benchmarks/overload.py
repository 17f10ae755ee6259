"""Ten times more than the house can take, for a minute: who is turned away, what memory does, how soon all is well again.

First a few clients that wait for their answers find the rate that is sustained. Then many connections offer ten times that
rate, whatever is answered, as an overloaded fleet would. What was acknowledged must be there afterwards, and nothing twice.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.house import Running, memory_mb, running
from benchmarks.sending import send
from benchmarks.traffic import bodies

BATCH = 16
QUEUE_MB = 4
TIMES = 10
FEW, MANY = 32, 600
"""Connections; what the few have in flight fits into the queue, what the many have does not."""

MOST_REFUSED = 1_000
HOUR_NS = 3_600_000_000_000
SETTINGS = f"collector: {{max_queue_mb: {QUEUE_MB}}}\n"


@dataclass
class Storm:
    """What an open loop saw. `asked` counts requests that were due; a connection that is busy makes later ones late."""

    asked: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    without_hint: int = 0
    seconds: float = 0.0


def measure(seconds: float, probe_s: float) -> dict[str, object]:
    """Run it and return its figures."""
    fresh = _endless()
    with running(1, SETTINGS) as run:
        idle = run.rss_mb()[0]
        probe, _ = asyncio.run(_storm(run, fresh, FEW, math.inf, probe_s))
        sustained = probe.answers[200] / probe.seconds
        storm, peak = asyncio.run(_storm(run, fresh, MANY, sustained * TIMES, seconds))
        ended = time.perf_counter()
        send(run.endpoints, [next(fresh)], 1)
        answered = time.perf_counter() - ended
        accepted = (probe.answers[200] + storm.answers[200] + 1) * BATCH
        while run.visible() < accepted and time.perf_counter() - ended < 120:
            time.sleep(0.1)
        caught_up, ledger, visible = time.perf_counter() - ended, run.ledger(), run.visible()
    return {
        "sustained spans/s": round(sustained * BATCH),
        "offered spans/s": round(storm.asked / storm.seconds * BATCH),
        "times": round(storm.asked / storm.seconds / sustained, 1),
        "for s": round(storm.seconds),
        "accepted": storm.answers[200],
        "refused 503": storm.answers[503],
        "503 without Retry-After": storm.without_hint,
        "other answers": sum(storm.answers.values()) - storm.answers[200] - storm.answers[503],
        "collector MB idle, peak": (idle, peak),
        "queue MB": QUEUE_MB,
        "an ordinary client has its 200 after s": round(answered, 1),
        "all visible after s": round(caught_up, 1),
        "acknowledged, visible": (accepted, visible),
        "ledger off by": ledger["received"] - ledger["stored"] - ledger["duplicate"] - ledger["refused"],
    }


def _endless() -> Iterator[bytes]:
    """Bodies that are all different: a few hundred, again and again under new trace ids of the same length."""
    found = list(bodies(200, BATCH, seed=99, start_ns=time.time_ns() - HOUR_NS))
    ids = [_trace_ids(body) for body in found]
    for body, old in itertools.cycle(zip(found, ids, strict=True)):
        fresh = body
        for trace_id in old:
            fresh = fresh.replace(trace_id, os.urandom(len(trace_id)))
        yield fresh


def _trace_ids(body: bytes) -> set[bytes]:
    request = ExportTraceServiceRequest.FromString(body)
    return {span.trace_id for block in request.resource_spans for scope in block.scope_spans for span in scope.spans}


async def _storm(
    run: Running, fresh: Iterator[bytes], connections: int, rate: float, seconds: float
) -> tuple[Storm, float]:
    """Offer `rate` bodies a second, whatever is answered: those refused before a while ago again, else new ones."""
    storm, refused = Storm(), deque[bytes]()
    begun = time.perf_counter()
    tickets = _tickets(begun, rate, seconds)
    peaks = [0.0]
    watch = asyncio.create_task(_watch(run.pids[0], peaks))
    await asyncio.gather(*(_connection(run.endpoints[0], fresh, refused, tickets, storm) for _ in range(connections)))
    storm.seconds = time.perf_counter() - begun
    watch.cancel()
    return storm, max(peaks)


def _tickets(begun: float, rate: float, seconds: float) -> Iterator[float]:
    """Yield when each request is due, until the time is over."""
    for number in itertools.count():
        due = begun + number / rate
        if max(due, time.perf_counter()) >= begun + seconds:
            return
        yield due


async def _watch(pid: int, peaks: list[float]) -> None:
    while True:
        peaks.append(round(memory_mb(pid), 1))
        await asyncio.sleep(0.2)


async def _connection(
    endpoint: str, fresh: Iterator[bytes], refused: deque[bytes], tickets: Iterator[float], storm: Storm
) -> None:
    at = urlsplit(endpoint)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    for due in tickets:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        body = refused.popleft() if len(refused) > MOST_REFUSED else next(fresh)
        storm.asked += 1
        head = f"POST {at.path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-protobuf\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        status, headers = await _answer(reader)
        storm.answers[status] += 1
        if status == 503:
            refused.append(body)
            storm.without_hint += "retry-after" not in headers
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split()[1]), headers
