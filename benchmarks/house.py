"""The real thing, started for a benchmark: collectors and an agent as processes, on a data directory of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

STEP_S = 0.05


@dataclass(frozen=True)
class Running:
    """Collectors and an agent. `endpoints` are where traces go in, one a collector; the agent's process id is the last."""

    data_dir: Path
    endpoints: tuple[str, ...]
    pids: tuple[int, ...]

    @property
    def address(self) -> str:
        """Where the agent answers."""
        return str(json.loads((self.data_dir / "run" / "agent.json").read_text())["address"])

    def visible(self) -> int:
        """Return how many spans the agent shows."""
        return int(self.sql("SELECT count(*) FROM spans")[0][0])

    def ledger(self) -> dict[str, int]:
        """Return the sums of the ledger."""
        names = ("received", "stored", "duplicate", "refused")
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        return dict(zip(names, map(int, self.sql(f"SELECT {sums} FROM ledger")[0]), strict=True))

    def sql(self, text: str) -> list[list[Any]]:
        """Ask the agent through its api."""
        token = (self.data_dir / "token").read_text().strip()
        answer = httpx.post(
            f"http://{self.address}/v1/sql",
            json={"sql": text},
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=60,
        )
        rows: list[list[Any]] = answer.raise_for_status().json()["rows"]
        return rows

    def rss_mb(self) -> tuple[float, ...]:
        """Return resident memory of the collectors and the agent."""
        return tuple(round(memory_mb(pid), 1) for pid in self.pids)

    def peak_mb(self) -> tuple[float, ...]:
        """Return the highest resident memory of the collectors and the agent."""
        return tuple(round(memory_mb(pid, "VmHWM"), 1) for pid in self.pids)

    def stop(self) -> None:
        """End all processes in order, and wait until the agent has let go of its store."""
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
        _wait(lambda: not (self.data_dir / "run" / "agent.json").exists(), "the agent did not stop", 30)


def memory_mb(pid: int, key: str = "VmRSS") -> float:
    """Return a memory figure of a process, in MB: what it has in RAM, or at most had (`VmHWM`)."""
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith(key))
    return int(line.split()[1]) / 1024


@contextmanager
def running(collectors: int = 1, settings: str = "") -> Iterator[Running]:
    """Start collectors and an agent with `settings` as their plumbline.yaml; stop them afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir, config = Path(folder) / "data", Path(folder) / "plumbline.yaml"
        config.write_text(settings or "{}\n")
        children: list[subprocess.Popen[bytes]] = []
        try:
            endpoints = []
            for _ in range(collectors):
                children.append(_started("collector", config, data_dir, "--otlp-http", "--otlp-grpc"))
                endpoints.append(f"http://{_address(data_dir, 'collector', children[-1].pid)}/v1/traces")
            children.append(_started("agent", config, data_dir, "--api"))
            _address(data_dir, "agent", children[-1].pid)
            yield Running(data_dir, tuple(endpoints), tuple(child.pid for child in children))
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(30)


def _started(name: str, config: Path, data_dir: Path, *doors: str) -> subprocess.Popen[bytes]:
    places = [part for door in doors for part in (door, "127.0.0.1:0")]
    start = [sys.executable, "-m", "plumbline.cli.main", name, "--config", str(config), "--data-dir", str(data_dir)]
    return subprocess.Popen([*start, *places])


def _address(data_dir: Path, name: str, pid: int) -> str:
    path = data_dir / "run" / f"{name}.json"
    _wait(lambda: path.exists() and json.loads(path.read_text())["pid"] == pid, f"{name} did not start", 30)
    return str(json.loads(path.read_text())["address"])


def _wait(done: Any, complaint: str, seconds: float) -> None:
    for _ in range(int(seconds / STEP_S)):
        if done():
            return
        time.sleep(STEP_S)
    raise SystemExit(f"{complaint} within {seconds:g} s")
