"""The examinations of `plumbline doctor`: each looks at one thing and says ok, warn or fail, and what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from monitor.errors import PlumblineError
from monitor.places import bind, prepare, read_run
from monitor.wording import minute
from plumbline.api.finding_questions import DriftLedger
from plumbline.api.questions import Check, Sources, Status
from plumbline.cli.retention_words import kept_for
from plumbline.cli.session import Session, session
from plumbline.cli.settings import OPTIONS, Resolved

DOORS: Final = {"collector": ("otlp_http", "otlp_grpc"), "agent": ("api",), "dashboard": ("dashboard",)}
"""Which addresses each process listens on."""

PACKAGES: Final = ("duckdb", "pyarrow", "polars", "sqlalchemy", "starlette", "uvicorn", "streamlit")

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Examined:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    do: str | None = None
    why: str | None = None


STATES: Final[dict[str, State]] = {"bad": "fail", "warn": "warn"}
"""What a problem of a source is among the checks of this machine."""


def examine(resolved: Resolved) -> list[Examined]:
    """Return what was found, in the order a person would mend it."""
    looks: list[Callable[[Resolved], Iterator[Examined]]] = [_python, _data_dir, _token, _disk, _ports, _store]
    return [examined for look in looks for examined in look(resolved)]


def _python(_: Resolved) -> Iterator[Examined]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Examined("python", "ok", version)
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        yield Examined("packages", "fail", f"missing: {', '.join(missing)}", "run `make install`")
    else:
        yield Examined("packages", "ok", f"{len(PACKAGES)} found")


def _data_dir(resolved: Resolved) -> Iterator[Examined]:
    root = resolved.places.root
    if not root.exists():
        parent = next(folder for folder in root.parents if folder.exists())
        if os.access(parent, os.W_OK):
            yield Examined("data directory", "ok", f"{root} will be made")
        else:
            yield Examined("data directory", "fail", f"{parent} cannot be written", "give another with --data-dir")
        return
    try:
        prepare(resolved.places)
    except PlumblineError as error:
        yield Examined("data directory", "fail", str(error), "mend its permissions, or give another with --data-dir")
        return
    if stat.S_IMODE(root.stat().st_mode) & 0o077:
        yield Examined("data directory", "warn", f"{root} can be read by others", f"chmod 700 {root}")
    else:
        yield Examined("data directory", "ok", str(root))


def _token(resolved: Resolved) -> Iterator[Examined]:
    path = resolved.places.token
    if not path.exists():
        yield Examined("token", "ok", "will be made when the agent first starts")
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Examined("token", "fail", f"{path} can be read by others", f"delete {path} and start the agent again")
    else:
        yield Examined("token", "ok", "readable by its owner only")


def _disk(resolved: Resolved) -> Iterator[Examined]:
    folder = next(f for f in (resolved.places.root, *resolved.places.root.parents) if f.exists())
    free = shutil.disk_usage(folder).free // 1_000_000
    least = resolved.settings.collector.min_free_mb
    if free < least:
        yield Examined("disk", "fail", f"{free} MB free", f"free some: below {least} MB the collector answers 503")
    else:
        yield Examined("disk", "ok", f"{free} MB free")


def _ports(resolved: Resolved) -> Iterator[Examined]:
    for name, options in DOORS.items():
        run = read_run(resolved.places, name)
        if run is not None:
            yield Examined(name, "ok", f"runs at {run.url} (pid {run.pid})")
        else:
            yield from (_port(resolved, name, option) for option in options)


def _port(resolved: Resolved, name: str, option: str) -> Examined:
    flag, address = OPTIONS[option][0], resolved.address(option)
    try:
        bind(address, flag).close()
    except PlumblineError as error:
        return Examined(name, "fail", str(error), f"give another port with {flag}")
    return Examined(name, "ok", f"not running; {address} is free")


def _store(resolved: Resolved) -> Iterator[Examined]:
    if read_run(resolved.places, "agent") is None and not resolved.places.has_data():
        yield Examined("store", "ok", "empty: nothing has arrived yet", _endpoint(resolved))
        return
    try:
        with session(resolved) as asked:
            yield from examine_agent(asked, resolved)
    except PlumblineError as error:
        yield Examined("store", "fail", str(error))


def examine_agent(asked: Session, resolved: Resolved) -> Iterator[Examined]:
    """Yield what the owner of the store says of it, of the parts of Plumbline that fail, and of every source."""
    problems = asked.ask(Check())
    for problem in problems:
        yield Examined("store", "fail", problem)
    if not problems:
        yield Examined("store", "ok", "consistent")
    status = asked.ask(Status())
    for part in status["unwell"]:
        said = f"failed {part['failures']} times in a row since {minute(part['since'])}: {part['error']}"
        yield Examined(part["part"], "fail", said, "the other parts go on; report this with the line above")
    yield _retention(status["retention"])
    yield drift_line(asked.ask(DriftLedger()))
    told = asked.ask(Sources())["sources"]
    if not told:
        yield Examined("sources", "warn", "nothing has arrived in the last seven days", _endpoint(resolved))
    for source in told:
        yield from _source(source)


def _retention(told: dict[str, Any]) -> Examined:
    found = "; ".join(kept_for(told).values())
    if told["lacking_bytes"]:
        return Examined("retention", "warn", found, "free some disk, or move the data directory to a larger one")
    return Examined("retention", "ok", found)


APPS: Final = 5
"""Applications that lack a stream which one line names."""

ROOM: Final = (
    "set drift.max_streams: {needed} in plumbline.yaml to watch every measure of every application, or name the measures of which "
    "you need not hear under drift.ignore; the more streams share the false-alarm budget, the larger a change must be to be found"
)


def drift_line(told: dict[str, Any]) -> Examined:
    """What the false-alarm budget was spent on, and what is watched; the page Drift has a line a stream."""
    streams, budget = told["streams"], told["budget"]
    watched = sum(line["state"].startswith("watched") for line in streams)
    plural = "" if told["raised"] == 1 else "s"
    found = (
        f"{told['raised']} finding{plural} in {told['watched_days']:g} days, {told['expected_false']:.2g} false to be expected "
        f"({budget['alarms']:g} per {budget['per']}); {watched} of {len(streams)} streams watched"
    )
    lacking = [row["what"] for row in told["not_watched"] if "app" in row]
    if not lacking:
        return Examined("drift", "ok", found, "what is not watched, and why, stands on the page Drift")
    most, needed = told["room"]["most"], told["room"]["needed"]
    more = f"; and of {len(lacking) - APPS} applications more" if len(lacking) > APPS else ""
    unwatched = f"{found}; there is no room for {' | '.join(lacking[:APPS])}{more}"
    if needed <= most:
        return Examined("drift", "ok", unwatched, "segments find room with a larger drift.max_streams")
    return Examined("drift", "warn", unwatched, ROOM.format(needed=needed))


def _endpoint(resolved: Resolved) -> str:
    run = read_run(resolved.places, "collector")
    url = resolved.address("otlp_http").url if run is None else run.url
    return f"set OTEL_EXPORTER_OTLP_ENDPOINT={url} in your application"


def _source(source: dict[str, Any]) -> Iterator[Examined]:
    """Every problem of a source but its notes, which are for the page; a source without any is one line."""
    name = f"source {source['app'] or '(no name)'}"
    problems = [problem for problem in source["problems"] if problem["severity"] in STATES]
    for problem in problems:
        about = f"{name}, {problem['voice']}" if problem["voice"] and len(source["voices"]) > 1 else name
        yield Examined(about, STATES[problem["severity"]], problem["what"], _words(problem["fix"]), problem["why"])
    if not problems:
        notes = len(source["problems"])
        more = f"; {notes} {'note' if notes == 1 else 'notes'} on the page Sources" if notes else ""
        yield Examined(name, "ok", f"{source['n_calls']:,} calls in {source['n_spans']:,} spans{more}")


def _words(fix: dict[str, Any]) -> str:
    return "\n".join([fix["do"], *(f"  {line}" for line in fix["lines"])])
