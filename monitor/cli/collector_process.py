"""The collector as a process: announced once it answers. Loads neither Arrow nor the store."""

from __future__ import annotations

import os

from collectors.process import serve_collector
from monitor.cli.settings import Resolved
from monitor.places import address_of, bind, remove_run, write_run


def serve(resolved: Resolved) -> None:
    """Take OTLP until a signal asks to stop. A port in use is a `UsageError`."""
    bound, pid = bind(resolved.address("otlp_http"), "--otlp-http"), os.getpid()

    def ready() -> None:
        write_run(resolved.places, "collector", address_of(bound), pid)

    try:
        serve_collector(resolved.settings.collector, resolved.places.root, bound, ready)
    finally:
        remove_run(resolved.places, "collector", pid)
