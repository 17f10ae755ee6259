"""The real door: uvicorn on a free port in a thread, with a spool in a temporary folder."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from collectors.intake import Intake
from collectors.redact import Redactor
from collectors.server import Door
from monitor.clock import SystemClock
from monitor.spool import SpoolWriter, read_frames

PROTOBUF = {"Content-Type": "application/x-protobuf"}
MAX_BODY = 200_000


@dataclass
class Open:
    """A door that is open."""

    url: str
    folder: Path
    intake: Intake
    client: httpx.Client

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        return self.client.post(self.url + path, content=body, headers=PROTOBUF | headers)

    def tables(self) -> list[dict[str, bytes]]:
        """What has reached the disk."""
        return [frame.tables for frame in read_frames(self.folder, self.intake.writer.family, 0, 0).frames]


@contextmanager
def opened(folder: Path, *, max_queue_bytes: int = 10_000_000, min_free_bytes: int = 0) -> Iterator[Open]:
    """Serve until the block ends, then drain."""
    intake = Intake(
        SpoolWriter(folder), Redactor(b"key", ("email",)), SystemClock(), folder, max_queue_bytes, min_free_bytes
    )
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Door(intake, MAX_BODY), log_level="warning", lifespan="off", http="httptools")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    with httpx.Client(timeout=10) as client:
        try:
            yield Open(f"http://127.0.0.1:{bound.getsockname()[1]}", folder, intake, client)
        finally:
            server.should_exit = True
            thread.join(10)
            intake.close()
