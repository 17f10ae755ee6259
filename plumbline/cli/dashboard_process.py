"""The dashboard as a process: Streamlit in this very process, announced once it answers."""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Final

from dashboards.process import command
from monitor.errors import Unreachable
from monitor.places import Address, Places, address_of, bind, parse_address, read_run, remove_run, write_run
from plumbline.cli.exposure import check_exposure
from plumbline.cli.settings import Resolved

POLL_S: Final = 0.05
AGENT_WAIT_S: Final = 60.0


def serve(resolved: Resolved) -> None:
    """Serve the dashboard until a signal asks to stop. A port in use is a `UsageError`."""
    check_exposure(resolved)
    address = _free(resolved.address("dashboard"))
    api = agent_address(resolved)
    shown = resolved.settings.dashboard
    public = (shown.public_url or "").rstrip("/")
    signs_in = resolved.settings.people.sign_in
    token = resolved.places.token
    started = command(api.url, token, address.host, address.port, shown.title, public, sign_in=signs_in)
    threading.Thread(target=_announce, args=(resolved.places, address), daemon=True).start()
    sys.argv = ["streamlit", *started[started.index("run") :]]
    try:
        runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    finally:
        remove_run(resolved.places, "dashboard", os.getpid())


def agent_address(resolved: Resolved) -> Address:
    """Return where the agent answers; when it picks its own port, wait until it has. Raises `Unreachable`."""
    given = resolved.address("api")
    deadline = time.monotonic() + (AGENT_WAIT_S if given.port == 0 else 0)
    while True:
        run = read_run(resolved.places, "agent")
        if run is not None:
            return parse_address(run.address, "agent")
        if time.monotonic() >= deadline:
            break
        time.sleep(POLL_S)
    if given.port == 0:
        raise Unreachable(f"no agent runs on {resolved.places.root} (start it with `plumbline agent`, or give --api)")
    return given


def _free(address: Address) -> Address:
    """Streamlit wants to know its port beforehand, so a free one is looked up, and one in use is told in our words."""
    with bind(address, "--dashboard") as bound:
        return address_of(bound)


def _announce(places: Places, address: Address) -> None:
    while not _answers(f"{address.url}/_stcore/health"):
        time.sleep(POLL_S)
    write_run(places, "dashboard", address, os.getpid())


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy between us and ourselves
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
