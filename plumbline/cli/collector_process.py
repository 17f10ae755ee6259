"""The collector as a process: announced once it answers. Loads neither Arrow nor the store."""

from __future__ import annotations

import os
import socket

from collectors.doors.keys import read_keys
from collectors.process import Sockets, serve_collector
from monitor.errors import UsageError
from monitor.places import address_of, bind, is_local, remove_run, write_run
from plumbline.cli.settings import OPTIONS, Resolved


def serve(resolved: Resolved) -> None:
    """Take OTLP until a signal asks to stop. A port in use is a `UsageError`."""
    http_flag, grpc_flag = OPTIONS["otlp_http"][0], OPTIONS["otlp_grpc"][0]
    bound = Sockets(
        http=bind(resolved.address("otlp_http"), http_flag), grpc=bind(resolved.address("otlp_grpc"), grpc_flag)
    )
    for option, door in (("otlp_http", bound.http), ("otlp_grpc", bound.grpc)):
        _guard(resolved, option, door)
    pid = os.getpid()

    def ready() -> None:
        write_run(resolved.places, "collector", address_of(bound.http), pid, {grpc_flag: address_of(bound.grpc)})

    try:
        settings = resolved.settings
        serve_collector(settings.collector, resolved.places.root, bound, ready, settings.dimensions)
    finally:
        remove_run(resolved.places, "collector", pid)


def _guard(resolved: Resolved, option: str, bound: socket.socket) -> None:
    """Refuse a door that other machines can reach while nobody needs a key to come in."""
    if not is_local(bound) and not read_keys(resolved.places.keys):
        raise UsageError(
            f"{OPTIONS[option][0]} {resolved.address(option)} can be reached from other machines and there is no API key "
            "(make one with `plumbline keys add NAME`, or listen on 127.0.0.1)"
        )
