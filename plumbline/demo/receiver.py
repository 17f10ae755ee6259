"""The receiver of the demo: a tiny webhook service that keeps what it verified, so that "delivered" can be seen.

It runs in the demo only. Each signed message becomes one JSON line; a wrong signature is 401, a repeat of a key is
acknowledged but not written twice.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final

from alerts.channels.signature import verify

DEMO_SECRET: Final = "whsec_cGx1bWJsaW5lLWRlbW8tb25seS1ub3QtYS1zZWNyZXQ="  # noqa: S105 - public on purpose: demo only
BODY_LIMIT: Final = 1_000_000
READ_TIMEOUT_S: Final = 15


class Receiver(ThreadingHTTPServer):
    """A loopback webhook service that appends verified messages to `file`."""

    daemon_threads = True

    def __init__(self, host: str, port: int, file: Path, secret: str) -> None:
        """Bind to `host` and `port` (0 picks one; see `server_port`)."""
        super().__init__((host, port), Handler)
        self.file, self.secret = file, secret
        self._writing = Lock()
        self._keys = {line["key"] for line in read_received(file)}
        self._cut_short = file.exists() and not file.read_bytes().endswith(b"\n")

    def accept(self, key: str, body: bytes) -> None:
        """Write one message; its key is known from now on, and after a restart. Raises ValueError for a bad body."""
        event = json.loads(body)
        if not isinstance(event, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - to the sender, both are one bad body
        with self._writing:
            if key not in self._keys:
                line = {"received_at": datetime.now(UTC).isoformat(), "key": key, **event}
                with self.file.open("a", encoding="utf-8") as out:
                    out.write("\n" * self._cut_short + json.dumps(line) + "\n")
                self._keys.add(key)
                self._cut_short = False


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Receiver
    timeout = READ_TIMEOUT_S

    def do_POST(self) -> None:
        """Verify, keep, acknowledge."""
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not verify(self.server.secret, headers, body, datetime.now(UTC)):
            self.send_error(401, "signature does not verify")
            return
        try:
            self.server.accept(headers["webhook-id"], body)
        except ValueError:
            self.send_error(400, "not a JSON object")
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
        """Stay quiet: what was received is in the file."""


def read_received(file: Path) -> list[dict[str, Any]]:
    """Return the messages kept in `file`, oldest first; a line cut short by a kill is skipped."""
    if not file.exists():
        return []
    received = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            received.append(json.loads(line))
        except ValueError:
            continue
    return received


def run_receiver(host: str, port: int, file: Path, secret: str = DEMO_SECRET) -> None:
    """Serve until interrupted."""
    with Receiver(host, port, file, secret) as receiver:
        receiver.serve_forever()


def main() -> None:
    """`python -m plumbline.demo.receiver HOST PORT FILE`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    run_receiver(given.host, given.port, given.file)


if __name__ == "__main__":
    main()
