"""The command line as a user runs it: a process of its own.

Each is forked from one that has loaded the libraries that start no thread: most of what a short command takes is loading
them, and the tests run hundreds. Nothing of ours is loaded before the fork.
"""

import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
LOADED = ["yaml", "msgspec", "typer", "rich.console", "httpx", "sqlalchemy.orm", "uvicorn", "starlette.applications"]
FORKS: ForkServerContext = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(LOADED)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    error: str


def plumbline(*arguments: str | Path, cwd: Path, given: str = "", **environment: str) -> Ran:
    """Run `plumbline ARGUMENTS` in `cwd` and return its exit code and what it printed."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "dumb", **environment}
    with tempfile.TemporaryDirectory() as streams:
        (Path(streams) / "0").write_text(given)
        child = FORKS.Process(target=_command, args=(list(map(str, arguments)), str(cwd), streams, surroundings))
        child.start()
        child.join(PATIENCE_S)
        if child.exitcode is None:
            child.kill()
            raise TimeoutError(f"plumbline {arguments} runs for more than {PATIENCE_S} s")
        return Ran(child.exitcode, *((Path(streams) / name).read_text() for name in "12"))


def _command(arguments: list[str], cwd: str, streams: str, environment: dict[str, str]) -> None:
    """Become `plumbline ARGUMENTS` (in the forked process)."""
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)):
        os.dup2(os.open(f"{streams}/{number}", flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115, PTH123
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["plumbline", *arguments]
    from plumbline.cli.main import main  # noqa: PLC0415 - what is loaded here is what the command loads

    main(arguments)
