"""The supervisor: starts collector, agent and dashboard, restarts what crashes, and takes all of them down with it.

It only waits: for children that end, for run files that say a child is ready, for a signal. Standard library only, so
that the parent of the house costs a few megabytes. Children write to `logs/`; what a person needs is printed here.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from monitor.errors import PlumblineError, StoreInUse
from monitor.places import NAMES, Address, Places, announced, prepare, read_run

HOPELESS: Final = (2, 3)
"""Exit codes a restart cannot mend while a child has never been ready: usage or config, store in use."""

TRIES: Final = 3
BACKOFF_S: Final = (0.5, 1, 2, 5, 10, 30)
STEADY_S: Final = 60.0
"""After so long a run a crash counts as the first again."""

GRACE_S: Final = 10.0
POLL_S: Final = 0.05
LOG_BYTES: Final = 5_000_000
FLAGS: Final = {"collector": "--otlp-http", "agent": "--api", "dashboard": "--dashboard"}


class GaveUp(PlumblineError):
    """A child cannot be started; `exit_code` is its own."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code


@dataclass
class Child:
    """One process to keep running."""

    name: str
    program: Sequence[str]
    options: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    crashes: int = 0
    due: float = 0.0  # when to start it again, on the monotonic clock
    ready: bool = False
    was_ready: bool = False


@dataclass
class House:
    """The children of one data directory."""

    places: Places
    children: list[Child]
    demo: list[str] | None  # command to run once, in view of the person, when everything is ready
    begun: float = field(default_factory=time.monotonic)
    extra: list[subprocess.Popen[bytes]] = field(default_factory=list)
    complete: bool = False


def start_all(house: House) -> None:
    """Start every child."""
    for child in house.children:
        _start(child)


def tend(house: House) -> float | None:
    """Do what is due now and return how long to wait at most; None is until something happens. Raises `GaveUp`."""
    now = time.monotonic()
    for child in house.children:
        _reap(child, now)
        if child.process is None and child.due <= now:
            _start(child)
        if child.process is not None and not child.ready:
            _greet(house, child)
    house.extra = [process for process in house.extra if process.poll() is None]
    if not house.complete and all(child.ready for child in house.children):
        _completed(house)
    return None if house.complete and all(child.ready for child in house.children) else POLL_S


def _start(child: Child) -> None:
    child.log.parent.mkdir(exist_ok=True)
    if child.log.exists() and child.log.stat().st_size > LOG_BYTES:
        child.log.replace(child.log.with_suffix(".log.1"))
    with child.log.open("ab") as log:
        child.process = spawn([*child.program, child.name, *child.options], log.fileno())
    child.started = time.monotonic()


def spawn(command: Sequence[str], output: int | None) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own (Ctrl-C reaches us alone), to be ended when this process ends."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
        preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - the supervisor has one thread
    )


def _die_with(parent: int) -> PreExec | None:
    """Linux sends the child SIGTERM when its parent dies, even by kill -9; elsewhere an orphan must be ended by hand."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def set_death_signal() -> None:
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)

    return set_death_signal


class PreExec(Protocol):
    """What runs in the child between fork and exec."""

    def __call__(self) -> None:
        """Prepare the child."""


def _reap(child: Child, now: float) -> None:
    if child.process is None or (code := child.process.poll()) is None:
        return
    child.process, child.ready = None, False
    child.crashes = 1 if now - child.started > STEADY_S else child.crashes + 1
    if not child.was_ready and (code in HOPELESS or child.crashes >= TRIES):
        raise GaveUp(_last_words(child, code), code if code in HOPELESS else 1)
    pause = BACKOFF_S[min(child.crashes, len(BACKOFF_S)) - 1]
    child.due = now + pause
    say(f"{child.name} {_ended(code)}; starts again in {pause:g} s (see {child.log})")


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _last_words(child: Child, code: int) -> str:
    """The one line the child said on leaving, which is why its log is looked at."""
    with child.log.open("rb") as log:
        log.seek(max(0, child.log.stat().st_size - 8192))
        lines = log.read().decode(errors="replace").splitlines()
    said = next((line for line in reversed(lines) if line.startswith("plumbline: ")), None)
    return f"{child.name} {_ended(code)} (see {child.log})" if said is None else said.removeprefix("plumbline: ")


def _greet(house: House, child: Child) -> None:
    """Note that a child is ready, and hold on to its ports, so that a restart comes back where clients look for it."""
    run = read_run(house.places, child.name)
    if run is None or child.process is None or run.pid != child.process.pid:
        return
    if child.was_ready:
        say(f"{child.name} is back (pid {run.pid})")
    child.ready = child.was_ready = True
    for flag, address in {FLAGS[child.name]: run.address, **run.also}.items():
        for told in house.children:
            told.options[told.options.index(flag) + 1] = address


def _completed(house: House) -> None:
    for child in house.children:
        run = read_run(house.places, child.name)
        if run is not None:
            say(f"{child.name:<10} {run.url:<28} pid {run.pid}")
            for flag, address in run.also.items():
                say(f"{'':<10} {address} ({flag.removeprefix('--')})")
    say(f"ready in {time.monotonic() - house.begun:.1f} s; data in {house.places.root}; Ctrl-C stops")
    house.complete = True
    if house.demo is not None:
        options = house.children[0].options  # with the ports that were really taken
        house.extra.append(spawn([*house.demo, *options], None))


def stop_all(house: House) -> None:
    """End every child: SIGTERM, and after a grace period SIGKILL."""
    running = [child.process for child in house.children if child.process is not None] + house.extra
    for process in running:
        process.terminate()
    deadline = time.monotonic() + GRACE_S
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def signals() -> Iterator[Bell]:
    """Hold SIGTERM, SIGINT and SIGCHLD: they ring a bell that `wait` hears, instead of interrupting what goes on."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    bell = Bell(reader)
    previous = {number: signal.signal(number, bell.ring) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)}
    signal.set_wakeup_fd(writer)
    try:
        yield bell
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


@dataclass
class Bell:
    """Tells that a signal came, and whether it asks to stop."""

    reader: int
    stopping: bool = False

    def ring(self, number: int, _: object) -> None:
        self.stopping = self.stopping or number != signal.SIGCHLD

    def wait(self, timeout: float | None) -> None:
        """Return when a signal came or `timeout` seconds have passed."""
        if select.select([self.reader], [], [], timeout)[0]:
            os.read(self.reader, 4096)


@contextlib.contextmanager
def sole(places: Places) -> Iterator[None]:
    """Hold the right to run processes on this data directory. Raises `StoreInUse`."""
    with (places.root / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(f"{places.root} is in use by another `plumbline up` (see `plumbline status`)") from None
        running = next((run for name in NAMES if (run := read_run(places, name))), None)
        if running is not None:
            raise StoreInUse(f"{places.root} is in use by the {running.name} with pid {running.pid} (stop it first)")
        yield


def say(line: str) -> None:
    """Print a line for the person; a terminal that has gone away is no reason to end."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def supervise(
    root: Path, program: Sequence[str], options: Sequence[str], demo: list[str] | None, beside: list[str] | None = None
) -> None:
    """Keep the three processes running on `root` until a signal asks to stop.

    A process is started as `program NAME OPTIONS`; `demo` is a command to run once when all are ready, in sight,
    `beside` one that runs as long as they do, or not: nothing of theirs hangs on it.
    """
    places = Places(root)
    prepare(places)
    children = [Child(name, program, list(options), places.logs / f"{name}.log") for name in NAMES]
    house = House(places, children, demo)
    with sole(places), signals() as bell, announced(places, "supervisor", Address("127.0.0.1", 0)):
        try:
            say(f"starting {', '.join(NAMES)} on {root}; their logs are in {places.logs}")
            start_all(house)
            house.extra += [spawn(beside, subprocess.DEVNULL)] if beside else []
            while not bell.stopping:
                bell.wait(tend(house))
            say("stopping")
        finally:
            stop_all(house)


def main() -> int:
    """Entry point of `python -m plumbline.supervisor JSON`; `plumbline up` becomes this process."""
    asked = json.loads(sys.argv[1])
    try:
        supervise(Path(asked["root"]), asked["program"], asked["options"], asked["demo"], asked.get("beside"))
    except PlumblineError as error:
        print(f"plumbline: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
