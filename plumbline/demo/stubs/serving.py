"""A server that answers from a thread of its own for as long as it is looked at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseServer

POLL_S = 0.02


@contextmanager
def in_background(server: BaseServer) -> Iterator[None]:
    """Let `server` answer; at the end of the block it is stopped, once what it is at has been answered."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
