"""`kill -9` of collector and agent at random moments under load: what was acknowledged is there, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import bodies
from monitor.places import Places, read_run

ROUNDS = 30
SEED = 20261124
DOORS = {"collector": "--otlp-http", "agent": "--api"}


@dataclass
class House:
    """Collector and agent on one data directory, each started again after a kill."""

    root: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        options = [name, "--data-dir", str(self.root), DOORS[name], "127.0.0.1:0"]
        log = (self.root.parent / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen([sys.executable, "-m", "monitor.cli.process", *options], stderr=log)
        log.close()

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()
        self.start(name)

    def address(self, name: str) -> str | None:
        run = read_run(Places(self.root), name)
        return run.url if run and run.pid == self.running[name].pid else None

    def sql(self, text: str) -> list[list[object]]:
        for _ in range(600):
            url = self.address("agent")
            if url:
                token = (self.root / "token").read_text().strip()
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
                answer = httpx.post(
                    f"{url}/v1/sql", json={"sql": text, "max_rows": 500_000}, headers=headers, timeout=60
                )
                rows: list[list[object]] = answer.raise_for_status().json()["rows"]
                return rows
            time.sleep(0.05)
        raise AssertionError("the agent did not come back within 30 s")


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
        url = self.house.address("collector")
        if url is None:
            return False
        try:
            headers = {"Content-Type": "application/x-protobuf"}
            return httpx.post(f"{url}/v1/traces", content=body, headers=headers, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def house_at(root: Path) -> Iterator[House]:
    house = House(root)
    for name in DOORS:
        house.start(name)
    try:
        yield house
    finally:
        for process in house.running.values():
            process.kill()
            process.wait()


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
    with house_at(tmp_path / "data") as house:
        clients = [
            Client(house, bodies(100_000, 16, seed=SEED + number, start_ns=time.time_ns())) for number in range(4)
        ]
        threads = [threading.Thread(target=client, daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        for _ in range(ROUNDS):
            time.sleep(rng.uniform(0.2, 2.5))
            house.kill(rng.choice(list(DOORS)))
        time.sleep(4)
        for client in clients:
            client.stop.set()
        for thread in threads:
            thread.join(30)
        wanted = span_ids([body for client in clients for body in client.acknowledged])
        found = settled(house, wanted)
        doubled = house.sql("SELECT count(*) - count(DISTINCT span_id) FROM spans")[0][0]
        ledger = house.sql("SELECT sum(received) - sum(stored) - sum(duplicate) - sum(refused) FROM ledger")[0][0]
    repeats = sum(client.repeats for client in clients)
    print(
        f"\nseed {SEED}: {ROUNDS} kills, {len(wanted)} spans acknowledged, {len(wanted - found)} lost, "
        f"{doubled} doubled, {repeats} repeats, ledger off by {ledger}"
    )
    assert len(wanted) > 1_000
    assert wanted <= found
    assert (doubled, ledger) == (0, 0)


def settled(house: House, wanted: set[str]) -> set[str]:
    """What the store shows once the loader has caught up, which it may take a minute for."""
    found: set[str] = set()
    for _ in range(120):
        found = {str(row[0]) for row in house.sql("SELECT span_id FROM spans")}
        if wanted <= found:
            break
        time.sleep(0.5)
    return found


def test_the_fault_suite_can_tell_ids_apart() -> None:
    (body,) = bodies(1, 16, seed=1, start_ns=1)
    assert len(span_ids([body])) == 16
