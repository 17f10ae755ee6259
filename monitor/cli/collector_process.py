"""The collector as a process: announced once it answers. Loads neither Arrow nor the store."""

from __future__ import annotations

import os

from collectors.process import Sockets, serve_collector
from monitor.cli.settings import OPTIONS, Resolved
from monitor.places import address_of, bind, remove_run, write_run


def serve(resolved: Resolved) -> None:
    """Take OTLP until a signal asks to stop. A port in use is a `UsageError`."""
    http_flag, grpc_flag = OPTIONS["otlp_http"][0], OPTIONS["otlp_grpc"][0]
    bound = Sockets(
        http=bind(resolved.address("otlp_http"), http_flag), grpc=bind(resolved.address("otlp_grpc"), grpc_flag)
    )
    pid = os.getpid()

    def ready() -> None:
        write_run(resolved.places, "collector", address_of(bound.http), pid, {grpc_flag: address_of(bound.grpc)})

    try:
        serve_collector(resolved.settings.collector, resolved.places.root, bound, ready)
    finally:
        remove_run(resolved.places, "collector", pid)
