"""Where everything lies and who runs where: the layout of the data directory, addresses, and run files.

A process that is ready writes `run/<name>.json`; whoever looks for it reads that file. A file whose process is gone, or
whose number now belongs to another process, counts as absent. Standard library only: the supervisor stays small.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from monitor.errors import UsageError
from monitor.private_file import replace_private

NAMES: Final = ("collector", "agent", "dashboard")
"""The three processes, in the order they are shown."""


@dataclass(frozen=True)
class Address:
    """A host and a TCP port; port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a base URL a client on this machine can use: a wildcard host is reached over loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{Address(host, self.port)}"


def parse_address(text: str, option: str) -> Address:
    """Return the address that `text` (HOST:PORT or [IPV6]:PORT) names; `option` names it in the `UsageError`.

    >>> parse_address("127.0.0.1:4318", "--otlp-http")
    Address(host='127.0.0.1', port=4318)
    """
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    right_port = port.isascii() and port.isdigit() and int(port) <= 65535
    if not colon or not name or not right_port or (":" in name) != bracketed or any(c in "/@ \t" for c in name):
        raise UsageError(f"{option} {text!r} is not an address (write HOST:PORT, such as 127.0.0.1:4318)")
    return Address(name, int(port))


def bind(address: Address, option: str) -> socket.socket:
    """Return a bound, not yet listening TCP socket. A port in use or a foreign host is a `UsageError`."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"{option} {address} cannot be used: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        _refuse_shared(bound, address.port)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"{option} {address} cannot be used: {error.strerror} (stop what holds it, or choose another port; 0 picks one)"
        ) from None
    bound.set_inheritable(True)
    return bound


def _refuse_shared(bound: socket.socket, port: int) -> None:
    """With SO_REUSEADDR a port that another socket has bound is only refused at listen, so listen now."""
    if port:
        bound.listen(1)


def address_of(bound: socket.socket) -> Address:
    """Return where `bound` really is, once port 0 has become a number."""
    host, port = bound.getsockname()[:2]
    return Address(host, port)


def is_local(bound: socket.socket) -> bool:
    """Whether only this machine can reach `bound`."""
    return ipaddress.ip_address(address_of(bound).host.partition("%")[0]).is_loopback


@dataclass(frozen=True)
class Places:
    """The layout of one data directory."""

    root: Path

    @property
    def spool(self) -> Path:
        """Checksummed frames, one family of segments a source."""
        return self.root / "spool"

    @property
    def telemetry(self) -> Path:
        """The DuckDB file; owned by the agent."""
        return self.root / "plumbline.duckdb"

    @property
    def control(self) -> Path:
        """The SQLite file; owned by the agent."""
        return self.root / "plumbline.sqlite"

    @property
    def alert_rules(self) -> Path:
        """The file of alert rules as it was when it last held."""
        return self.root / "alert-rules.yaml"

    @property
    def token(self) -> Path:
        """The bearer token of the api, readable by its owner only."""
        return self.root / "token"

    @property
    def keys(self) -> Path:
        """Hashes of the keys that the doors accept, readable by their owner only."""
        return self.root / "keys.json"

    @property
    def lock(self) -> Path:
        """Held by whoever owns the store."""
        return self.root / "agent.lock"

    @property
    def logs(self) -> Path:
        """What the children of the supervisor print."""
        return self.root / "logs"

    @property
    def imports(self) -> Path:
        """How far each import has come."""
        return self.root / "imports"

    def run_file(self, name: str) -> Path:
        """Who runs as `name`."""
        return self.root / "run" / f"{name}.json"

    def has_data(self) -> bool:
        """Whether anything was ever stored here."""
        return self.telemetry.exists() or any(self.spool.glob("*"))


def prepare(places: Places) -> None:
    """Make the data directory, private to its owner, and make sure it can be written. Raises `UsageError`."""
    probe = places.root / f".probe.{os.getpid()}"
    try:
        places.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"data directory {places.root} cannot be written: {error.strerror} (mend its permissions, or give --data-dir)"
        ) from None


@dataclass(frozen=True)
class RunFile:
    """A process that is ready: who it is and where it listens. `birth` tells it from a later process with its number.

    `also` holds further doors: the option that places one, and where it is.
    """

    name: str
    pid: int
    address: str
    birth: str
    also: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Base URL of what it serves."""
        return parse_address(self.address, self.name).url


def birth_of(pid: int) -> str:
    """Return what, with its number, identifies a process: its start in clock ticks since boot; "" where unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_alive(pid: int, birth: str) -> bool:
    """Whether process `pid` exists, is not a zombie, and was born when `birth` says."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return birth_of(pid) == birth != ""
    return not _is_zombie(pid) and (not birth or birth_of(pid) == birth)


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["Z"]


def write_run(
    places: Places, name: str, address: Address, pid: int, also: Mapping[str, Address] | None = None
) -> RunFile:
    """Say that `name` is ready at `address`, and `also` elsewhere; the file appears whole or not at all."""
    run = RunFile(name, pid, str(address), birth_of(pid), {flag: str(at) for flag, at in (also or {}).items()})
    path = places.run_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_private(path, json.dumps(dataclasses.asdict(run)).encode())
    return run


def read_run(places: Places, name: str) -> RunFile | None:
    """Return who runs as `name`, or None when nobody does; a damaged or stale file is nobody."""
    try:
        fields = json.loads(places.run_file(name).read_text(encoding="utf-8"))
        run = RunFile(
            name, int(fields["pid"]), str(fields["address"]), str(fields["birth"]), dict(fields.get("also") or {})
        )
        for at in (run.address, *run.also.values()):
            parse_address(at, name)
    except (OSError, ValueError, TypeError, KeyError, UsageError):
        return None
    return run if run.pid > 0 and is_alive(run.pid, run.birth) else None


def address_or(places: Places, name: str, otherwise: str) -> str:
    """Return where the one that runs as `name` answers, or `otherwise` when nobody does."""
    run = read_run(places, name)
    return run.address if run else otherwise


@contextlib.contextmanager
def announced(places: Places, name: str, address: Address) -> Iterator[RunFile]:
    """Hold the run file of this process while the block runs; a file that another has taken over is left alone."""
    run = write_run(places, name, address, os.getpid())
    try:
        yield run
    finally:
        remove_run(places, name, os.getpid())


def remove_run(places: Places, name: str, pid: int) -> None:
    """Take back the run file of `pid`, if it is still its own."""
    run = read_run(places, name)
    if run is not None and run.pid == pid:
        places.run_file(name).unlink(missing_ok=True)
