"""The real doors: uvicorn and grpcio on free ports in a thread, with a spool in a temporary folder."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import polars as pl

from collectors.doors.keys import KeyRing
from collectors.inflight import Room
from collectors.intake import Intake
from collectors.process import Sockets, make_server, run_server
from collectors.redaction.redact import Redactor
from monitor.clock import SystemClock
from monitor.config.schema import CollectorSettings
from monitor.spool import read_frames
from monitor.spool_writer import SpoolWriter

PROTOBUF = {"Content-Type": "application/x-protobuf"}
MAX_BODY = 200_000
SETTINGS = CollectorSettings(max_body_mb=MAX_BODY / 1_000_000)


@dataclass
class Open:
    """A collector whose doors are open."""

    url: str
    rpc: str
    folder: Path
    intake: Intake
    client: httpx.Client
    arriving: Room

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        return self.client.post(self.url + path, content=body, headers=PROTOBUF | headers)

    def export(
        self,
        body: bytes,
        service: str = "trace.v1.TraceService",
        compression: grpc.Compression = grpc.Compression.NoCompression,
        **metadata: str,
    ) -> bytes:
        """Call `Export` over gRPC with the bytes of a request."""
        with grpc.insecure_channel(self.rpc) as channel:
            call = channel.unary_unary(f"/opentelemetry.proto.collector.{service}/Export")
            answer: bytes = call(body, compression=compression, timeout=10, metadata=list(metadata.items()))
            return answer

    def tables(self) -> list[dict[str, bytes]]:
        """What has reached the disk."""
        return [frame.tables for frame in read_frames(self.folder, self.intake.writer.family, 0, 0).frames]

    def rows(self, table: str) -> list[dict[str, object]]:
        """The rows of one table that have reached the disk."""
        return [
            row for tables in self.tables() if table in tables for row in pl.read_ipc_stream(tables[table]).to_dicts()
        ]


@contextmanager
def opened(
    folder: Path,
    settings: CollectorSettings = SETTINGS,
    *,
    max_queue_bytes: int = 10_000_000,
    min_free_bytes: int = 0,
) -> Iterator[Open]:
    """Serve until the block ends, then drain."""
    intake = Intake(
        SpoolWriter(folder), Redactor(b"key", ("email",)), SystemClock(), folder, max_queue_bytes, min_free_bytes
    )
    bound = Sockets(socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0)))
    started = threading.Event()
    with tempfile.TemporaryDirectory() as short:
        ring = KeyRing(folder.parent / "keys.json")
        server = make_server(intake, settings, bound, ring, Path(short), started.set)
        thread = threading.Thread(target=run_server, args=(server, bound), daemon=True)
        thread.start()
        assert started.wait(10)
        with httpx.Client(timeout=10) as client:
            try:
                http, rpc = (f"127.0.0.1:{each.getsockname()[1]}" for each in (bound.http, bound.grpc))
                yield Open(f"http://{http}", rpc, folder, intake, client, server.arriving)
            finally:
                server.should_exit = True
                thread.join(10)
                intake.close()
