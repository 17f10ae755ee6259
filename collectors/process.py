"""The collector as a process: uvicorn in front of the intake, ended by SIGTERM without losing anything it has taken."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from collectors.intake import Intake
from collectors.redact import Redactor, install_key
from collectors.server import Door
from monitor.clock import SystemClock
from monitor.config.schema import CollectorSettings
from monitor.spool import SpoolWriter


def serve_collector(
    settings: CollectorSettings, data_dir: Path, bound: socket.socket, ready: Callable[[], None]
) -> None:
    """Take OTLP on `bound` until SIGTERM or SIGINT, then drain. `ready` is called once requests are answered.

    Raises `StoreError` when the data directory cannot be written.
    """
    sys.setswitchinterval(0.002)  # the event loop must not wait long behind a thread that decodes
    intake = make_intake(settings, data_dir)
    app = Door(intake, int(settings.max_body_mb * 1_000_000))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
        http="httptools",
        loop="uvloop" if os.name == "posix" else "asyncio",
    )
    try:
        _run(_Announcing(config, ready), bound)
    finally:
        intake.close()


def make_intake(settings: CollectorSettings, data_dir: Path) -> Intake:
    """Return the intake of one data directory. Raises `StoreError`."""
    key = install_key(data_dir)
    spool = data_dir / "spool"
    redaction = settings.redaction
    return Intake(
        writer=SpoolWriter(spool),
        redactor=Redactor(key, redaction.kinds) if redaction.enabled else None,
        clock=SystemClock(),
        folder=spool,
        max_queue_bytes=int(settings.max_queue_mb * 1_000_000),
        min_free_bytes=settings.min_free_mb << 20,
        max_field_bytes=settings.max_field_kb * 1000,
    )


class _Announcing(uvicorn.Server):
    """uvicorn, telling when it has started."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _run(server: uvicorn.Server, bound: socket.socket) -> None:
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[bound]))
