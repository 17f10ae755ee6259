"""A TCP proxy that loses answers: it passes the request on, takes the reply, and cuts the connection instead of delivering it.

It knows no protocol, so that HTTP/1.1 and gRPC go through it alike: what the server says before a request of some size has
passed (the settings of HTTP/2) is delivered.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

REQUEST_BYTES = 1_000


@dataclass
class Proxy:
    """Loses a share `loss` of the answers, by the seed."""

    target: tuple[str, int]
    loss: float
    rng: random.Random
    lost: int = 0
    address: str = ""
    open: list[socket.socket] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=60)
        except OSError:
            _cut(client)
            return
        self.open += [client, server]
        sent, answered = [0], 0
        forward = threading.Thread(target=_pour, args=(client, server, sent), daemon=True)
        forward.start()
        with suppress(OSError):
            while said := server.recv(65_536):
                if sent[0] - answered > REQUEST_BYTES:
                    answered = sent[0]
                    if self.rng.random() < self.loss:
                        self.lost += 1
                        break
                client.sendall(said)
        _cut(client)
        server.close()


def _pour(source: socket.socket, sink: socket.socket, sent: list[int]) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
            sent[0] += len(data)
        sink.shutdown(socket.SHUT_WR)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    connection.close()


@contextmanager
def losing_answers(target: str, loss: float, seed: int) -> Iterator[Proxy]:
    """A proxy in front of HOST:PORT."""
    host, port = target.rsplit(":", 1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = Proxy((host, int(port)), loss, random.Random(seed))
        proxy.address = f"127.0.0.1:{listening.getsockname()[1]}"
        threading.Thread(target=proxy.serve, args=(listening,), daemon=True).start()
        try:
            yield proxy
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in proxy.open:
                with suppress(OSError):
                    connection.close()
