"""How the supervisor starts the dashboard: one Streamlit process that knows the api's address and where its token lies."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dashboards.theme import OPTIONS

APP: Final = Path(__file__).with_name("app.py")
SERVER: Final = Path(__file__).with_name("server.py")

_SERVER: Final = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.showEmailPrompt": "false",
    "server.enableStaticServing": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.disableDataExport": "true",  # spreadsheets run what a cell of a CSV says; `plumbline sql --format csv` is for export
    "runner.magicEnabled": "false",
    "global.developmentMode": "false",
    "logger.level": "warning",
}


def command(
    api: str, token_file: Path, host: str, port: int, title: str, public_url: str = "", *, sign_in: bool = False
) -> list[str]:
    """Return the command line of the dashboard on `host`:`port`, a client of `api` (http://HOST:PORT).

    `public_url` is the address people open where a proxy stands in front. With `sign_in` nobody sees anything before
    they have signed in. Port 0 is not possible: Streamlit wants to know its port before it starts.
    """
    options = {
        **_SERVER,
        **OPTIONS,
        "server.address": host,
        "server.port": str(port),
        "browser.serverAddress": host,
        "browser.serverPort": str(port),
    }
    if public_url:
        options["server.corsAllowedOrigins"] = public_url
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    own = ["--api", api, "--token-file", str(token_file.absolute()), "--title", title]
    own += ["--bound", host, "--public-url", public_url]
    own += ["--cookie", f"plumbline_{port}"] if sign_in else []  # cookies of one host are shared by all its ports
    return [sys.executable, "-m", "streamlit", "run", str(SERVER), *flags, "--", *own]


def environment() -> dict[str, str]:
    """Return what to add to the environment, so that the app finds its own modules wherever it is started."""
    return {"PYTHONPATH": str(APP.parent.parent)}


@dataclass(frozen=True)
class Arguments:
    """What `command` handed to the app."""

    api: str
    token_file: Path
    title: str
    bound: str = "127.0.0.1"
    public_url: str = ""
    cookie: str = ""

    @property
    def sign_in(self) -> bool:
        """Whether people sign in; the session of each is in the `cookie`."""
        return bool(self.cookie)


@dataclass(frozen=True)
class Commands:
    """Lines for a terminal that work as they stand, wherever it is opened; `data_dir` is that of this dashboard."""

    data_dir: Path

    def line(self, asked: str) -> str:
        """Return the line that runs `asked`, such as "demo", by the installation this dashboard belongs to."""
        program = Path(sys.executable).with_name("plumbline")
        return f"{shlex.quote(str(program))} {asked} --data-dir {shlex.quote(str(self.data_dir))}"


def arguments(given: Sequence[str]) -> Arguments:
    """Return the arguments of the app; those of anybody else are left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--api", default="http://127.0.0.1:4319")
    parser.add_argument("--token-file", type=Path, default=Path("plumbline-data/token"))
    parser.add_argument("--title", default="Plumbline")
    parser.add_argument("--bound", default="127.0.0.1")
    parser.add_argument("--public-url", default="")
    parser.add_argument("--cookie", default="")
    known, _ = parser.parse_known_args(given)
    return Arguments(known.api, known.token_file, known.title, known.bound, known.public_url, known.cookie)
