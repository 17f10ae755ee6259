"""`plumbline status`: what runs where, and what became of everything that was received."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from monitor.errors import PlumblineError
from monitor.places import NAMES, Places, RunFile, parse_address, read_run
from plumbline.api.questions import Status
from plumbline.cli import show
from plumbline.cli.retention_words import kept_for
from plumbline.cli.session import session
from plumbline.cli.settings import OPTIONS, Given, Resolved, resolve
from plumbline.cli.typed import Config, DataDir, Form, Format

ADDRESS_NAMES: Final = {"collector": "otlp_http", "agent": "api", "dashboard": "dashboard"}


def run(form: Format = Form.TABLE, config: Config = None, data_dir: DataDir = None) -> int:
    """Show what runs where, and the sums of the ledger. Works on a data directory at rest, too."""
    resolved = resolve(Given(config, data_dir), Path.cwd())
    status = gather(resolved)
    if form is Form.JSON:
        show.print_json(status)
    else:
        _print(status)
    return 0


def gather(resolved: Resolved) -> dict[str, Any]:
    """Return processes, addresses, ledger sums and what the agent says; None stands for what cannot be known now."""
    places = resolved.places
    runs = {name: read_run(places, name) for name in NAMES}
    told = _ask(resolved)
    return {
        "data_dir": str(places.root),
        "config": None if resolved.file is None else str(resolved.file),
        "processes": {name: _process(run) for name, run in runs.items()},
        **{ADDRESS_NAMES[name]: run and run.address for name, run in runs.items()},
        "otlp_grpc": _also(runs["collector"], "otlp_grpc"),
        "supervisor": _supervisor(places),
        **told,
    }


def _process(run: RunFile | None) -> dict[str, Any]:
    if run is None:
        return {"ready": False, "pid": None, "address": None, "host": None, "port": None, "url": None}
    at = parse_address(run.address, run.name)
    return {"ready": True, "pid": run.pid, "address": run.address, "host": at.host, "port": at.port, "url": run.url}


def _also(run: RunFile | None, option: str) -> str | None:
    return None if run is None else run.also.get(OPTIONS[option][0])


def _supervisor(places: Places) -> int | None:
    run = read_run(places, "supervisor")
    return None if run is None else run.pid


def _ask(resolved: Resolved) -> dict[str, Any]:
    """The store of a directory nobody has used is empty; one that cannot be asked now is unknown, and says why."""
    if read_run(resolved.places, "agent") is None and not resolved.places.has_data():
        return {"ledger": None, "agent": None, "problem": "no data yet"}
    try:
        with session(resolved) as asked:
            told = asked.ask(Status())
    except PlumblineError as error:
        return {"ledger": None, "agent": None, "problem": str(error)}
    return {"ledger": told.get("ledger"), "agent": told, "problem": None}


def _print(status: dict[str, Any]) -> None:
    rows = [
        [name, "ready" if process["ready"] else "not running", process["url"], process["pid"]]
        for name, process in status["processes"].items()
    ]
    show.print_table(["process", "state", "address", "pid"], rows)
    ledger = status["ledger"] or {"ledger": status["problem"]}
    print()
    kept = {} if status["agent"] is None else kept_for(status["agent"]["retention"])
    show.print_pairs({"otlp/grpc": status["otlp_grpc"], "data": status["data_dir"], **ledger, **kept})
