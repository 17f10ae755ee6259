"""Processes of their own that begin with everything loaded: loading is most of what a short one takes, and the tests start hundreds.

Each is forked from one process that has loaded the agent's modules, opened nothing and started nothing. What a fresh interpreter
loads, and how soon, is asked by `tests/cli/test_light_start.py`, of fresh interpreters.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parents[2]
FORKS: Final[ForkServerContext] = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.loaded"])


@dataclass(frozen=True)
class Streams:
    """Files that stand for standard input, output and error; what is written is added to them."""

    given: str = os.devnull
    out: str = os.devnull
    error: str = os.devnull


@dataclass
class Forked:
    """A process like one of `subprocess.Popen`, as far as tests ask."""

    process: ForkServerProcess
    pid: int = field(init=False)

    def __post_init__(self) -> None:
        self.process.start()
        assert self.process.pid is not None
        self.pid = self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        self.process.join(timeout_s)
        if self.process.exitcode is None:
            raise TimeoutError(f"process {self.pid} runs for more than {timeout_s} s")
        return self.process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def forked(
    what: Callable[[], object],
    arguments: Sequence[str],
    streams: Streams,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Forked:
    """Do `what`, a function of a module, in a process of its own whose `sys.argv` is `arguments`."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    settled = (list(arguments), str(cwd or Path.cwd()), streams, given)
    return Forked(FORKS.Process(target=_begin, args=(what, *settled), daemon=True))


@dataclass
class Piped(Forked):
    """A process that is talked to, as `subprocess.Popen` gives one with pipes."""

    stdin: IO[bytes]
    stdout: IO[bytes]


def piped(what: Callable[[], object]) -> Piped:
    """Do `what`, a function of a module, in a process of its own that reads and writes through pipes."""
    heard, speak = FORKS.Pipe(duplex=False)
    hear, said = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_talk, args=(what, heard, said), daemon=True)
    found = Piped(process, open(os.dup(speak.fileno()), "wb"), open(os.dup(hear.fileno()), "rb"))  # noqa: SIM115, PTH123
    for end in (heard, speak, hear, said):
        end.close()
    return found


def _talk(what: Callable[[], object], heard: Connection, said: Connection) -> None:
    for end, number in ((heard, 0), (said, 1)):
        os.dup2(end.fileno(), number)
        end.close()
    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 2)
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    what()


def running(code: str, *arguments: str, out: str = os.devnull) -> Forked:
    """Run Python `code` in a process of its own, as `python -c` would; what it prints goes to the file `out`."""
    return forked(partial(_execute, code), ["-c", *arguments], Streams(out=out, error=out))


def _execute(code: str) -> None:
    exec(code, {"__name__": "__main__"})  # noqa: S102 - written in a test


def _begin(
    what: Callable[[], object], arguments: list[str], cwd: str, streams: Streams, environment: dict[str, str]
) -> None:
    adding = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    opened = ((streams.given, os.O_RDONLY), (streams.out, adding), (streams.error, adding))
    for number, (path, flags) in enumerate(opened):
        handle = os.open(path, flags, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115, PTH123
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    what()
