"""`plumbline change`: say that something was changed, so that findings name it; list what was."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import UsageError
from monitor.model.rows import CHANGE_KINDS
from plumbline.api.change_questions import AddChange
from plumbline.api.questions import Sql
from plumbline.cli.lists import print_list, rows_of
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import parse_instant
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS = ("time", "kind", "app", "what", "source")


class Action(StrEnum):
    """What to do with changes."""

    ADD = "add"
    LIST = "list"


def run(
    action: Annotated[Action, typer.Argument(help="add KIND WHAT, or list.")],
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(CHANGE_KINDS)}.")] = None,
    what: Annotated[str | None, typer.Argument(help="What was changed, in a line.")] = None,
    app: Annotated[str | None, typer.Option("--app", help="In which application; all, if not given.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When; now, if not given.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Say that something was changed, or list what was, newest first. Deploy scripts post it to the collector: /v1/changes."""
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.LIST:
            listed = asked.ask(Sql("SELECT time, kind, app, what, source FROM changes ORDER BY time DESC"))
            print_list(rows_of(listed), COLUMNS, form)
        elif kind is None or what is None:
            raise UsageError("change add needs a kind and what was changed (plumbline change add release 'v12 is out')")
        else:
            asked.ask(AddChange(kind, what, app, None if at is None else parse_instant(at, "--at")))
    return 0
