"""`plumbline hold`: evidence that neither erasure nor retention removes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from monitor.errors import UsageError
from plumbline.api.call import token_owner
from plumbline.api.hold_questions import AddHold, HeldKind, Holds, ReleaseHold
from plumbline.cli import show
from plumbline.cli.erase import subject
from plumbline.cli.lists import print_list
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import parse_instant
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("id", "kind", "owner", "reason", "until", "past_due", "made_by", "released_at")


class Action(StrEnum):
    """What to do with holds."""

    ADD = "add"
    LIST = "list"
    RELEASE = "release"


def run(
    action: Annotated[Action, typer.Argument(help="add, list, or release NUMBER.")],
    number: Annotated[int | None, typer.Argument(help="Which hold.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="A user id, as the application knows it.")] = None,
    session_id: Annotated[str | None, typer.Option("--session", help="A session id.")] = None,
    trace: Annotated[str | None, typer.Option("--trace", help="A trace id, 32 hexadecimal digits.")] = None,
    app: Annotated[str | None, typer.Option("--app", help="An application.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Who answers for it; you, where not given.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why it must be kept.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="When somebody must look again.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Hold everything of one user, session, trace or app as evidence, list holds, or let one go.

    A hold stands until it is released; past its date it is listed on the first page of the dashboard, so that its owner decides.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.LIST:
            print_list(asked.ask(Holds()), COLUMNS, form)
        elif action is Action.RELEASE:
            if number is None:
                raise UsageError("hold release needs a number (see `plumbline hold list`)")
            asked.ask(ReleaseHold(number))
        else:
            if reason is None or until is None:
                raise UsageError(
                    "hold add needs --reason and --until (and one of --user, --session, --trace and --app)"
                )
            named: dict[HeldKind, str | None] = {"user": user, "session": session_id, "app": app}
            named["trace"] = trace and trace.lower()
            kind, given = subject("hold add", named)
            who = owner or by or token_owner().name
            made = asked.ask(AddHold(kind, given, who, reason, parse_instant(until, "--until")))
            show.print_json(made) if form is Form.JSON else print(f"hold {made['number']}")
    return 0
