"""A real dashboard process beside a fake api, and a headless browser to look at it with."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from dashboards.process import command, environment
from tests.support.fake_api import TOKEN

N_TURNS = 1200
"""Turns of the store that pages are tried on."""

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
PAGES = {
    "overview": "",
    "traces": "traces",
    "trace": f"traces?trace={N_TURNS - 40:032x}",
    "quality": "quality",
    "policy": "policy",
    "rule": "policy?rule=PRIV-01",
    "drift": "drift",
    "finding": "drift?finding=f1refusal0000001",
    "ab": "ab",
    "alerts": "alerts",
    "alert": "alerts?alert=a1b2c3d4e5f60001",
    "incidents": "incidents",
    "incident": "incidents?incident=1",
    "sources": "sources",
    "source": "sources?source=support-assistant",
}
"""Every page, and one of each thing that a page can be about, by a name for files."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1000",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def dashboard(
    api: str,
    folder: Path,
    title: str = "Plumbline",
    public_url: str = "",
    *,
    port: int = 0,
    sign_in: bool = False,
    token_of: str = TOKEN,
) -> Iterator[str]:
    """Run the dashboard as the supervisor does, under token `token_of`; yields its URL once it answers."""
    token = folder / "token"
    token.write_text(token_of)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "streamlit.log").open("wb") as log:
        process = subprocess.Popen(
            command(api, token, "127.0.0.1", port, title, public_url, sign_in=sign_in),
            env={**os.environ, **environment()},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the dashboard ended with {process.returncode}")
        try:
            if httpx.get(f"{url}/_stcore/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the dashboard does not answer")


def upgraded(url: str, host: str | None, origin: str | None, cookie: str = "") -> int:
    """Return the status that a WebSocket of the dashboard at `url` is answered with."""
    where = urlsplit(url)
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host or where.netloc}",
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Origin: {origin}"] if origin else []),
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    with socket.create_connection((where.hostname, where.port or 80), timeout=60) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(client.makefile("rb").readline().split()[1])


@contextmanager
def browser(*more: str) -> Iterator[Chrome]:
    """Headless Chromium with its console and its requests recorded, and `more` flags."""
    with tempfile.TemporaryDirectory() as profile:
        options = ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, *more, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = Chrome(options=options, service=Service(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()
