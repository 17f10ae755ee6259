"""`plumbline note`: what people write beside a finding or a trace."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import UsageError
from plumbline.api.note_questions import AddNote, Notes, RemoveNote
from plumbline.cli.lists import print_list
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


class Action(StrEnum):
    """What to do with notes."""

    ADD = "add"
    LIST = "list"
    REMOVE = "remove"


def run(
    action: Annotated[Action, typer.Argument(help="add ID TEXT, list ID, or remove NUMBER.")],
    subject: Annotated[str, typer.Argument(metavar="ID", help="A finding, a trace, or the number of a note.")],
    text: Annotated[str | None, typer.Argument(help="What to write.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Write a note on a finding or a trace, list them, or take one away. A note goes with what it is about."""
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.ADD:
            if text is None:
                raise UsageError("note add needs an id and a text (plumbline note add ID TEXT)")
            asked.ask(AddNote(subject, text))
        elif action is Action.REMOVE:
            asked.ask(RemoveNote(_number(subject)))
        else:
            print_list(asked.ask(Notes(subject)), ("id", "author", "at", "text"), form)
    return 0


def _number(given: str) -> int:
    if not (given.isascii() and given.isdigit()):
        raise UsageError(f"note remove {given}: this is no number of a note (see `plumbline note list ID`)")
    return int(given)
