"""A child for the supervisor's tests: says it is ready, then behaves as `behave.json` in its data directory tells."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from monitor.places import Address, Places, parse_address, write_run

FLAGS = {"collector": "--otlp-http", "agent": "--api", "dashboard": "--dashboard"}
ALSO = {"collector": "--otlp-grpc"}


def listening(options: list[str], flag: str | None) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if flag is not None:
        given = parse_address(options[options.index(flag) + 1], flag)
        bound.bind((given.host, given.port))
        bound.listen()
    return bound


def main() -> int:
    name, options = sys.argv[1], sys.argv[2:]
    places = Places(Path(options[options.index("--data-dir") + 1]))
    path = places.root / "behave.json"
    behave = json.loads(path.read_text()).get(name, {}) if path.exists() else {}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None if behave.get("stubborn") else stop.set())
    print(behave.get("say", f"{name} starts"), file=sys.stderr, flush=True)
    if "exit" in behave:
        return int(behave["exit"])
    with listening(options, FLAGS[name]) as bound, listening(options, ALSO.get(name)) as other:
        also = {ALSO[name]: Address(*other.getsockname())} if name in ALSO else None
        write_run(places, name, Address(*bound.getsockname()), os.getpid(), also)
        while not stop.wait(0.05):
            pass
    (places.root / f"{name}.stopped").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
