"""One of the three processes, started by the supervisor or in place of `plumbline collector | agent | dashboard`.

Nothing heavy is loaded here, and neither typer nor rich: what a process does not need, it does not carry around.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from monitor.places import prepare
from plumbline.cli.ending import guarded
from plumbline.cli.lazy import load
from plumbline.cli.settings import OPTIONS, Given, Resolved, resolve

RUNNERS: Final = {
    "collector": "plumbline.cli.collector_process:serve",
    "agent": "plumbline.cli.agent_process:serve",
    "dashboard": "plumbline.cli.dashboard_process:serve",
}


def become(name: str, resolved: Resolved) -> NoReturn:
    """Replace this process by process `name`, so that what the command line needed is not kept in memory."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "plumbline.cli.process", name, *resolved.arguments()])  # noqa: S606


def main() -> int:
    """Entry point of `python -m plumbline.cli.process NAME OPTIONS`."""
    name, given = _parse(sys.argv[1:])
    return guarded(lambda: _serve(name, given))


def _serve(name: str, given: Given) -> int:
    signal.signal(signal.SIGTERM, _leave)
    resolved = resolve(given, Path.cwd())
    prepare(resolved.places)
    serve: Callable[[Resolved], None] = load(RUNNERS[name])
    try:
        serve(resolved)
    except (KeyboardInterrupt, _Asked):
        return 0
    return 0


class _Asked(BaseException):
    """SIGTERM came."""


def _leave(*_: object) -> NoReturn:
    raise _Asked


def _parse(arguments: list[str]) -> tuple[str, Given]:
    parser = argparse.ArgumentParser(prog="plumbline", allow_abbrev=False)
    parser.add_argument("name", choices=list(RUNNERS))
    parser.add_argument("--config", type=Path)
    parser.add_argument("--data-dir", type=Path)
    for flag, _, _ in OPTIONS.values():
        parser.add_argument(flag)
    fields = vars(parser.parse_args(arguments))
    return fields.pop("name"), Given(**fields)


if __name__ == "__main__":
    sys.exit(main())
