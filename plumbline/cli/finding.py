"""`plumbline finding`: say that a change is the new normal, take that back, list what was found."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import UsageError
from plumbline.api.finding_questions import AcceptFinding, ReopenFinding
from plumbline.api.questions import Sql
from plumbline.cli.lists import print_list, rows_of
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS = ("id", "state", "app", "metric", "segment", "since", "cause")
LISTED = """SELECT id, state, app, metric, segment, since, cause FROM findings
    ORDER BY state <> 'open', detected_at DESC"""


class Action(StrEnum):
    """What to do with findings."""

    LIST = "list"
    ACCEPT = "accept"
    REOPEN = "reopen"


def run(
    action: Annotated[Action, typer.Argument(help="list, accept ID, or reopen ID.")],
    finding: Annotated[
        str | None, typer.Argument(metavar="ID", help="The finding, as `plumbline finding list` names it.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it stands on the audit trail.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Accept a change as the new normal, take that back, or list the changes that were found, open ones first."""
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.LIST:
            print_list(rows_of(asked.ask(Sql(LISTED))), COLUMNS, form)
        else:
            _say(asked, action, finding, reason)
    return 0


def _say(asked: Session, action: Action, finding: str | None, reason: str | None) -> None:
    if finding is None or reason is None:
        raise UsageError(f"finding {action} needs an id and a reason (plumbline finding {action} ID --reason TEXT)")
    told = asked.ask((AcceptFinding if action is Action.ACCEPT else ReopenFinding)(finding, reason))
    print(f"finding {told['id']} is {told['state']}")
