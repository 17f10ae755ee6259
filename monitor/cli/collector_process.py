"""The collector as a process: announced once it answers."""

from __future__ import annotations

import os
import socket

from collectors.process import serve_collector
from monitor.cli.settings import Resolved
from monitor.places import address_of, bind, remove_run, write_run


def serve(resolved: Resolved) -> None:
    """Take OTLP until a signal asks to stop. A port in use is a `UsageError`."""
    bound = bind(resolved.address("otlp_http"), "--otlp-http")
    pid = os.getpid()
    try:
        serve_collector(
            resolved.settings.collector,
            resolved.places.root,
            bound,
            lambda: announce(resolved, bound),
        )
    finally:
        remove_run(resolved.places, "collector", pid)
        bound.close()


def announce(resolved: Resolved, bound: socket.socket) -> None:
    """Say where the collector answers."""
    write_run(resolved.places, "collector", address_of(bound), os.getpid())
