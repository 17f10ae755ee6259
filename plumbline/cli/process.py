"""One of the three processes, started by the supervisor or in place of `plumbline collector | agent | dashboard`.

It is told its settings by whoever has read the command line, so that it carries neither typer nor rich around.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from monitor.places import prepare
from plumbline.cli.deferred import deferred
from plumbline.cli.ending import guarded
from plumbline.cli.settings import Given, Resolved, given_from, resolve

if TYPE_CHECKING:
    from plumbline.cli import agent_process, collector_process, dashboard_process
else:
    agent_process, collector_process, dashboard_process = (
        deferred(f"plumbline.cli.{name}_process") for name in ("agent", "collector", "dashboard")
    )

RUNNERS: Final[dict[str, Any]] = {
    "collector": collector_process,
    "agent": agent_process,
    "dashboard": dashboard_process,
}


def become(name: str, resolved: Resolved) -> NoReturn:
    """Replace this process by process `name`, so that what the command line needed is not kept in memory."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "plumbline.cli.process", name, *resolved.arguments()])  # noqa: S606


def main() -> int:
    """Entry point of `python -m plumbline.cli.process NAME OPTIONS`."""
    name, *options = sys.argv[1:]
    return guarded(lambda: _serve(name, given_from(options)))


def _serve(name: str, given: Given) -> int:
    signal.signal(signal.SIGTERM, _leave)
    resolved = resolve(given, Path.cwd())
    prepare(resolved.places)
    try:
        RUNNERS[name].serve(resolved)
    except (KeyboardInterrupt, _Asked):
        return 0
    return 0


class _Asked(BaseException):
    """SIGTERM came."""


def _leave(*_: object) -> NoReturn:
    raise _Asked


if __name__ == "__main__":
    sys.exit(main())
