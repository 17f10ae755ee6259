"""The agent as a process: announced once its api answers."""

from __future__ import annotations

import os

from monitor.places import Address, remove_run, write_run
from plumbline.cli.deferred import keep_out
from plumbline.cli.settings import Resolved
from plumbline.service import run_agent


def serve(resolved: Resolved) -> None:
    """Own the data directory until a signal asks to stop. Raises `StoreInUse` when another process owns it."""
    keep_out("pandas")
    address, pid = resolved.address("api"), os.getpid()

    def ready(at: Address) -> None:
        write_run(resolved.places, "agent", at, pid)

    try:
        run_agent(resolved.settings, resolved.places.root, address.host, address.port, ready)
    finally:
        remove_run(resolved.places, "agent", pid)
