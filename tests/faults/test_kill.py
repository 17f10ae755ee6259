"""`kill -9` of collector and agent at random moments under load: what was acknowledged is there, once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import bodies
from tests.support.house import House, a_house

ROUNDS = 30
SEED = 20261124


@dataclass
class Client:
    """Sends bodies until stopped, each again and again until it is acknowledged or the end has come."""

    house: House
    work: Iterator[bytes]
    acknowledged: list[bytes] = field(default_factory=list)
    repeats: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        for body in self.work:
            while not self._sent(body):
                self.repeats += 1
                if self.stop.is_set():
                    return
                time.sleep(0.02)
            self.acknowledged.append(body)
            if self.stop.is_set():
                return

    def _sent(self, body: bytes) -> bool:
        try:
            headers = {"Content-Type": "application/x-protobuf"}
            return (
                httpx.post(f"{self.house.url}/v1/traces", content=body, headers=headers, timeout=5).status_code == 200
            )
        except httpx.HTTPError:
            return False


def span_ids(sent: list[bytes]) -> set[str]:
    return {
        span.span_id.hex()
        for body in sent
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


@pytest.mark.faults
def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    with a_house(tmp_path / "data") as house:
        clients = [
            Client(house, bodies(100_000, 16, seed=SEED + number, start_ns=time.time_ns())) for number in range(4)
        ]
        threads = [threading.Thread(target=client, daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        for _ in range(ROUNDS):
            time.sleep(rng.uniform(0.2, 2.5))
            house.kill(rng.choice(["collector", "agent"]), wait=False)
        for name in house.running:
            house.wait_for(name)
        time.sleep(4)
        for client in clients:
            client.stop.set()
        for thread in threads:
            thread.join(30)
        wanted = span_ids([body for client in clients for body in client.acknowledged])
        found = house.span_ids(wanted)
        doubled, ledger = house.doubled(), house.ledger()
    repeats = sum(client.repeats for client in clients)
    print(
        f"\nseed {SEED}: {ROUNDS} kills, {len(wanted)} spans acknowledged, {len(wanted - found)} lost, "
        f"{doubled} doubled, {repeats} repeats, ledger {ledger}"
    )
    assert len(wanted) > 1_000
    assert wanted <= found
    assert doubled == 0
    assert ledger["received"] == ledger["stored"] + ledger["duplicate"] + ledger["refused"]


def test_the_fault_suite_can_tell_ids_apart() -> None:
    (body,) = bodies(1, 16, seed=1, start_ns=1)
    assert len(span_ids([body])) == 16
