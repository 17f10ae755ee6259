"""`plumbline erase`: take one user, session, trace or app out of every file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import UsageError
from plumbline.api.questions import Erase, ErasedKind
from plumbline.cli import show
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


def run(
    user: Annotated[str | None, typer.Option("--user", help="A user id, as the application knows it.")] = None,
    session_id: Annotated[str | None, typer.Option("--session", help="A session id.")] = None,
    trace: Annotated[str | None, typer.Option("--trace", help="A trace id, 32 hexadecimal digits.")] = None,
    app: Annotated[str | None, typer.Option("--app", help="An application; it may be sent again later.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Erase one user, session, trace or app from store, spool, alerts, reports and logs. It cannot be undone.

    What was erased is refused when it is sent again. Counts over many (rollups, estimates, the ledger) stay.
    """
    kind, given = subject("erase", {"user": user, "session": session_id, "trace": trace and trace.lower(), "app": app})
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    if not yes:
        _ask(kind)
    with session(resolved, by=by) as asked:
        removed = {name: count for name, count in sorted(asked.ask(Erase(kind, given)).items()) if count}
    if form is Form.JSON:
        show.print_json({"kind": kind, "removed": removed})
    elif removed:
        show.print_table(["table", "rows removed"], [[name, count] for name, count in removed.items()])
    else:
        print(f"nothing of this {kind} was stored; should it come late, it is refused")
    return 0


def subject(command: str, named: Mapping[ErasedKind, str | None]) -> tuple[ErasedKind, str]:
    """Return kind and id of the one subject that a command was given. Raises `UsageError`."""
    given = [(kind, value) for kind, value in named.items() if value is not None]
    if len(given) != 1 or not given[0][1]:
        raise UsageError(f"{command} needs exactly one of --user, --session, --trace and --app, and not an empty one")
    return given[0]


def _ask(kind: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("erase cannot ask here (give --yes to erase without being asked)")
    if not typer.confirm(f"Erase everything of this {kind}? It cannot be undone."):
        raise KeyboardInterrupt
