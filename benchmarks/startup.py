"""How soon `plumbline up` is ready on an empty folder, and what all its processes hold when nothing happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.house import memory_mb

DOORS = ("--otlp-http", "--otlp-grpc", "--api", "--dashboard")


def measure(idle_s: float) -> dict[str, object]:
    """Start the house, let it idle, and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        places = [part for door in DOORS for part in (door, "127.0.0.1:0")]
        command = [sys.executable, "-m", "plumbline.cli.main", "up", "--data-dir", f"{folder}/data", *places]
        begun = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as house:
            try:
                ready = _ready(house, begun)
                time.sleep(idle_s)
                held = [memory_mb(pid) for pid in (house.pid, *_children(Path(folder) / "data"))]
            finally:
                os.kill(house.pid, signal.SIGTERM)
    return {"ready after s": round(ready, 1), "processes": len(held), "idle MB": round(sum(held))}


def _ready(house: subprocess.Popen[str], begun: float) -> float:
    for line in house.stdout or ():
        if line.startswith("ready"):
            return time.perf_counter() - begun
    raise SystemExit("plumbline up ended before it was ready")


def _children(data_dir: Path) -> list[int]:
    return [int(json.loads(path.read_text())["pid"]) for path in (data_dir / "run").glob("*.json")]
