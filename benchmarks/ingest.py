"""How fast spans become durable and visible, against a floor measured in the same run on the same bodies.

The floor is what no design on this stack can beat on one core: parse the bodies with upb, append the same rows to DuckDB.
The run is the real thing: `plumbline collector` and `plumbline agent` as processes, OTLP over HTTP, redaction and features on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import duckdb
import httpx
import numpy as np
import polars as pl
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.traffic import bodies

HEADERS = {"Content-Type": "application/x-protobuf"}


@dataclass
class Sent:
    """What the clients saw."""

    latencies: list[float] = field(default_factory=list)
    retries: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Running:
    """A collector and an agent on a fresh data directory."""

    data_dir: Path
    endpoint: str
    pids: tuple[int, int]

    def visible(self) -> int:
        """Return how many spans the agent shows."""
        return int(self.sql("SELECT count(*) FROM spans")[0][0])

    def sql(self, text: str) -> list[list[Any]]:
        """Ask the agent through its api."""
        run = json.loads((self.data_dir / "run" / "agent.json").read_text())
        token = (self.data_dir / "token").read_text().strip()
        answer = httpx.post(
            f"http://{run['address']}/v1/sql",
            json={"sql": text},
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=30,
        )
        rows: list[list[Any]] = answer.raise_for_status().json()["rows"]
        return rows

    def rss_mb(self) -> tuple[float, ...]:
        """Return resident memory of collector and agent."""
        return tuple(round(_status_kb(pid, "VmRSS") / 1024, 1) for pid in self.pids)

    def peak_mb(self) -> tuple[float, ...]:
        """Return the highest resident memory of collector and agent."""
        return tuple(round(_status_kb(pid, "VmHWM") / 1024, 1) for pid in self.pids)


def _status_kb(pid: int, key: str) -> int:
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith(key))
    return int(line.split()[1])


@contextmanager
def running() -> Iterator[Running]:
    """Start a collector and an agent; stop them afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        start = [sys.executable, "-m", "monitor.cli.main"]
        doors = {"collector": "--otlp-http", "agent": "--api"}
        children = [
            subprocess.Popen([*start, name, "--data-dir", str(data_dir), door, "127.0.0.1:0"])
            for name, door in doors.items()
        ]
        try:
            address = _address(data_dir, "collector")
            _address(data_dir, "agent")
            yield Running(data_dir, f"http://{address}/v1/traces", (children[0].pid, children[1].pid))
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(30)


def _address(data_dir: Path, name: str) -> str:
    path = data_dir / "run" / f"{name}.json"
    for _ in range(300):
        if path.exists():
            return str(json.loads(path.read_text())["address"])
        time.sleep(0.05)
    raise SystemExit(f"{name} did not start")


def send(endpoint: str, work: list[bytes], clients: int) -> Sent:
    """Send all bodies from `clients` threads; a refused body is sent again after what Retry-After says."""
    queue: SimpleQueue[bytes] = SimpleQueue()
    for body in work:
        queue.put(body)
    sent = Sent()
    threads = [threading.Thread(target=_client, args=(endpoint, queue, sent)) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds = time.perf_counter() - begun
    return sent


def _client(endpoint: str, queue: SimpleQueue[bytes], sent: Sent) -> None:
    with httpx.Client(timeout=60) as client:
        while True:
            try:
                body = queue.get_nowait()
            except Empty:
                return
            begun = time.perf_counter()
            while (answer := client.post(endpoint, content=body, headers=HEADERS)).status_code == 503:
                sent.retries += 1
                time.sleep(float(answer.headers.get("Retry-After", "1")))
            answer.raise_for_status()
            sent.latencies.append(time.perf_counter() - begun)


def floor_seconds(work: list[bytes], run: Running) -> float:
    """Return the time to parse `work` with upb and to append to an empty DuckDB the very rows the agent stored."""
    begun = time.perf_counter()
    for body in work:
        ExportTraceServiceRequest.FromString(body)
    parsed = time.perf_counter() - begun
    tables = _stored_rows(run.data_dir)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/floor.duckdb") as store:
        store.execute("SET checkpoint_threshold = '256MB'")
        for name, table in tables.items():
            store.register("rows", table.to_arrow())
            store.execute(f"CREATE TABLE {name} AS FROM rows LIMIT 0")
            store.unregister("rows")
        begun = time.perf_counter()
        for name, table in tables.items():
            for part in table.iter_slices(2_048):
                store.register("rows", part.to_arrow())
                store.execute(f"INSERT INTO {name} FROM rows")
                store.unregister("rows")
        return parsed + time.perf_counter() - begun


def _stored_rows(data_dir: Path) -> dict[str, pl.DataFrame]:
    """The rows themselves, read back from a closed store."""
    with duckdb.connect(str(data_dir / "plumbline.duckdb"), read_only=True) as store:
        return {
            name: pl.DataFrame(store.sql(f"SELECT * FROM base.{name}").to_arrow_table())
            for name in ("spans", "content", "features")
        }


def quantile(values: list[float], share: float) -> float:
    """Return a quantile in milliseconds."""
    return float(np.quantile(values, share) * 1000)


def measure(batch: int, n_spans: int, clients: int) -> dict[str, object]:
    """Run one batch size and return its figures."""
    work = list(bodies(max(1, n_spans // batch), batch, seed=batch, start_ns=time.time_ns() - 3_600_000_000_000))
    total = len(work) * (batch // 4 * 4 if batch >= 4 else 1)
    with running() as run:
        begun = time.perf_counter()
        sent = send(run.endpoint, work, clients)
        while run.visible() < total:
            time.sleep(0.05)
        visible = time.perf_counter() - begun
        rss, peak = run.rss_mb(), run.peak_mb()
        for pid in run.pids:
            os.kill(pid, signal.SIGTERM)
        _wait_gone(run.data_dir)
        stored = (run.data_dir / "plumbline.duckdb").stat().st_size
        floor = floor_seconds(work, run)
    return {
        "batch": batch,
        "spans": total,
        "body_mb": round(sum(map(len, work)) / 1e6, 1),
        "acked/s": round(total / sent.seconds),
        "visible/s": round(total / visible),
        "floor/s": round(total / floor),
        "of floor": round(floor / visible, 2),
        "ack p50 ms": round(quantile(sent.latencies, 0.5), 1),
        "ack p99 ms": round(quantile(sent.latencies, 0.99), 1),
        "503s": sent.retries,
        "rss MB": rss,
        "peak MB": peak,
        "bytes/span": round(stored / total),
    }


def _wait_gone(data_dir: Path) -> None:
    for _ in range(600):
        if not (data_dir / "run" / "agent.json").exists():
            return
        time.sleep(0.05)
    raise SystemExit("the agent did not stop within 30 s")
