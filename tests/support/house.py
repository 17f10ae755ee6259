"""Collector and agent as real processes on one data directory: killed, started again on the same ports, asked by SQL."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import grpc
import httpx
import yaml

from monitor.places import Places, read_run
from plumbline.cli import process
from tests.support.forks import Forked, Streams, forked
from tests.support.waiting import becomes

PATIENCE_S = 120
"""How long anything may take on a busy machine before it counts as never."""


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _serve() -> NoReturn:
    sys.exit(process.main())


@dataclass
class House:
    """Processes that keep their addresses over a kill. `root` is the data directory; logs and settings lie beside it.

    They are forked with everything loaded; `fresh` ones begin as in a house, where their start or memory is measured.
    """

    root: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    running: dict[str, Forked | subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.http, self.grpc, self.api = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.config = self.root.parent / f"{self.root.name}.yaml"
        self.config.write_text(yaml.safe_dump(dict(self.settings)))

    @property
    def url(self) -> str:
        return f"http://{self.http}"

    def log(self, name: str) -> str:
        return (self.root.parent / f"{name}.log").read_text(errors="replace")

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start `name`, and wait until it answers."""
        flags = {"--otlp-http": self.http, "--otlp-grpc": self.grpc}
        flags = flags if name == "collector" else {"--api": self.api}
        options = [
            "--data-dir",
            str(self.root),
            "--config",
            str(self.config),
            *(x for pair in flags.items() for x in pair),
        ]
        self.running[name] = self._begun([name, *options], self.root.parent / f"{name}.log")
        if wait:
            self.wait_for(name)

    def _begun(self, arguments: list[str], log: Path) -> Forked | subprocess.Popen[bytes]:
        if not self.fresh:
            return forked(_serve, ["plumbline", *arguments], Streams(out=str(log), error=str(log)))
        with log.open("ab") as stream:
            command = [sys.executable, "-m", "plumbline.cli.process", *arguments]
            return subprocess.Popen(command, stdout=stream, stderr=stream)

    def wait_for(self, name: str) -> None:
        running = self.running[name]

        def is_up() -> bool:
            assert running.poll() is None, self.log(name)
            run = read_run(Places(self.root), name)
            return run is not None and run.pid == running.pid

        assert becomes(is_up, PATIENCE_S, 0.05), f"{name} is not ready within {PATIENCE_S} s: {self.log(name)}"

    def kill(self, name: str, *, wait: bool = True) -> None:
        """End `name` as power loss would, and start it again; without `wait` the next kill may find it half started."""
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()
        self.start(name, wait=wait)

    def stop(self, name: str, *, wait: bool = True) -> float:
        """Ask `name` to end, start it again, and return how many seconds it took to end."""
        began = time.monotonic()
        self.running[name].send_signal(signal.SIGTERM)
        assert self.running[name].wait(PATIENCE_S) == 0, self.log(name)
        took = time.monotonic() - began
        self.start(name, wait=wait)
        return took

    def sql(self, text: str) -> list[list[Any]]:
        """Ask the agent."""
        token = (self.root / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        body = {"sql": text, "max_rows": 500_000}
        for _ in range(5):
            answer = httpx.post(f"http://{self.api}/v1/sql", json=body, headers=headers, timeout=PATIENCE_S)
            if "(ask again)" not in answer.text[:200]:  # what is kept was let go of meanwhile
                break
        assert answer.is_success, answer.text
        rows: list[list[Any]] = answer.json()["rows"]
        return rows

    def settled(self, text: str, wanted: Any) -> Any:
        """The rows of `text` as a set of their first columns, once they hold `wanted`, or as they are when patience ends."""
        found: set[Any] = set()
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = {row[0] if len(row) == 1 else tuple(row) for row in self.sql(text)}
            if wanted <= found:
                break
            time.sleep(0.2)
        return found

    def span_ids(self, wanted: set[str]) -> set[str]:
        """The ids of stored spans, once `wanted` are among them."""
        return set(self.settled("SELECT span_id FROM spans", wanted))

    def ledger(self) -> dict[str, int]:
        columns = ("received", "stored", "duplicate", "refused")
        (row,) = self.sql(f"SELECT {', '.join(f'coalesce(sum({name}), 0)' for name in columns)} FROM ledger")
        return {name: int(value) for name, value in zip(columns, row, strict=True)}

    def doubled(self) -> int:
        return int(self.sql("SELECT count(*) - count(DISTINCT trace_id || span_id) FROM spans")[0][0])

    def counters(self) -> dict[str, int]:
        """What the collector counts since it was started."""
        lines = httpx.get(f"{self.url}/metrics", timeout=PATIENCE_S).text.splitlines()
        pairs = (line.split() for line in lines if line.startswith("plumbline_collector_") and "{" not in line)
        return {name.removeprefix("plumbline_collector_").removesuffix("_total"): int(float(n)) for name, n in pairs}

    def rss_kb(self, name: str) -> int:
        """Memory that process `name` has in RAM, in KiB."""
        status = Path(f"/proc/{self.running[name].pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


@contextmanager
def a_house(root: Path, *names: str, fresh: bool = False, **settings: Any) -> Iterator[House]:
    """Processes `names` (collector and agent) that live as long as the block."""
    house = House(root, settings, fresh)
    try:
        for name in names or ("collector", "agent"):
            house.start(name)
        yield house
    finally:
        for running in house.running.values():
            running.kill()
            running.wait()


def export_bytes(channel: grpc.Channel, path: str, body: bytes, metadata: Mapping[str, str] | None = None) -> bytes:
    """Call the method at `path` with a request that is bytes already. Raises `grpc.RpcError`."""
    call = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    answer: bytes = call(body, timeout=PATIENCE_S, metadata=tuple((metadata or {}).items()))
    return answer
