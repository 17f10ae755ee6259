"""The collector as a process: uvicorn and grpcio in front of one intake, ended by SIGTERM without losing what it has taken."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn

from collectors.dialects.own import NOTHING, table_with
from collectors.doors.cors import Cors
from collectors.doors.grpc_frames import Arriving
from collectors.doors.grpc_front import Visitor
from collectors.doors.http_protocol import watching
from collectors.doors.keys import KeyCheck, KeyRing
from collectors.doors.log_throttle import keep_log_small
from collectors.doors.otlp_grpc import GrpcDoor, start_grpc
from collectors.doors.otlp_http import Door
from collectors.doors.socket_folder import SOCKET, short_folder
from collectors.doors.wrong_protocol import Hints
from collectors.inflight import Room
from collectors.intake import Intake
from collectors.redaction.redact import redactor_for
from monitor.clock import Clock, SystemClock
from monitor.config.schema import CollectorSettings
from monitor.places import Places, address_of, is_local
from monitor.privacy.keyed import install_key
from monitor.spool_writer import SpoolWriter

AT_ONCE = 4
"""Largest messages that may arrive over gRPC at once, if the queue is smaller than that. They are counted apart from the queue:
nobody can be told to come back before a message is whole, only cut off."""

GRACE_S = 5.0
"""How long gRPC requests that are in the house may take once the collector is asked to stop."""


SYSTEM = SystemClock()


@dataclass(frozen=True)
class Sockets:
    """Bound sockets, one a door."""

    http: socket.socket
    grpc: socket.socket


def serve_collector(
    settings: CollectorSettings,
    data_dir: Path,
    bound: Sockets,
    ready: Callable[[], None],
    dimensions: Mapping[str, str] = NOTHING,
) -> None:
    """Take OTLP on `bound` until SIGTERM or SIGINT, then drain. `ready` is called once requests are answered.

    `dimensions` are attribute keys that say a dimension of a turn. Raises `StoreError` when the data directory cannot be written.
    """
    sys.setswitchinterval(0.002)  # the event loop must not wait long behind a thread that decodes
    keep_log_small()
    intake = make_intake(settings, data_dir, dimensions)
    try:
        with short_folder() as folder:
            ring = KeyRing(Places(data_dir).keys)
            run_server(make_server(intake, settings, bound, ring, folder, ready), bound)
    finally:
        intake.close()


def make_server(
    intake: Intake, settings: CollectorSettings, bound: Sockets, ring: KeyRing, folder: Path, ready: Callable[[], None]
) -> Server:
    """Return a server of every door over `intake`; `folder` is for the private socket between front and grpcio."""
    max_body = int(settings.max_body_mb * 1_000_000)
    hints = Hints(address_of(bound.http).url, str(address_of(bound.grpc)), intake.counters)
    config = uvicorn.Config(
        Door(intake, max_body, KeyCheck(ring, is_local(bound.http)), Cors(settings.cors)),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
        http=watching(hints),
        loop="uvloop" if os.name == "posix" else "asyncio",
    )
    return Server(
        config,
        GrpcDoor(intake, max_body, KeyCheck(ring, is_local(bound.grpc))),
        f"{folder / SOCKET}",
        hints,
        bound,
        ready,
    )


def run_server(server: Server, bound: Sockets) -> None:
    """Serve until a signal asks to stop, or `server.should_exit` is set."""
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[bound.http]))


def make_intake(
    settings: CollectorSettings, data_dir: Path, dimensions: Mapping[str, str] = NOTHING, clock: Clock = SYSTEM
) -> Intake:
    """Return the intake of one data directory. Raises `StoreError` and `ConfigError`."""
    spool = data_dir / "spool"
    return Intake(
        writer=SpoolWriter(spool),
        redactor=redactor_for(settings, install_key(data_dir)),
        clock=clock,
        folder=spool,
        max_queue_bytes=int(settings.max_queue_mb * 1_000_000),
        min_free_bytes=settings.min_free_mb << 20,
        max_field_bytes=settings.max_field_kb * 1000,
        rules=table_with(None if settings.dialects is None else Path(settings.dialects), dimensions),
    )


class Server(uvicorn.Server):
    """uvicorn, with gRPC beside it on the same loop, telling when both have started."""

    def __init__(
        self,
        config: uvicorn.Config,
        door: GrpcDoor,
        backend: str,
        hints: Hints,
        bound: Sockets,
        ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._backend, self._hints, self._bound, self._ready = backend, hints, bound, ready
        self._refused = partial(door.intake.note_refusal, door="grpc")
        self.arriving = Room(max(door.intake.max_queue_bytes, AT_ONCE * door.max_body), door.intake.counters)
        self._grpc = start_grpc(door, f"unix:{backend}")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open both doors."""
        await super().startup(sockets)
        if self.started:
            self._front = await asyncio.get_running_loop().create_server(
                lambda: Visitor(self._backend, self._hints, self._refused, Arriving(self.arriving.hold())),
                sock=self._bound.grpc,
                backlog=self.config.backlog,
            )
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close both doors, and let what is inside finish."""
        self._front.close()
        stopped = self._grpc.stop(GRACE_S)
        await super().shutdown(sockets)
        await asyncio.to_thread(stopped.wait)
