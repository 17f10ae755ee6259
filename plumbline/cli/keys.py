"""`plumbline keys`: who may bring data in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collectors.doors.keys import read_keys
from monitor.errors import UsageError
from monitor.places import Places
from plumbline.api.people_questions import AddSenderKey, RemoveSenderKey
from plumbline.cli import show
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


class Action(StrEnum):
    """What to do with keys."""

    ADD = "add"
    LIST = "list"
    REMOVE = "remove"


def run(
    action: Annotated[Action, typer.Argument(help="add NAME, list, or remove NAME.")],
    name: Annotated[str | None, typer.Argument(help="Whose key it is, such as the name of the application.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Make, list and remove the API keys that applications send data with (scope `ingest`).

    A key is printed once, when it is made; only a salted hash of it is kept. A running collector takes changes up at
    once. While there is no key, doors on loopback are open; from the first key on every door demands one. Who made and who
    removed a key stands in the audit, as every other act does.
    """
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    if action is Action.LIST:
        _of_this_directory(by, api)
        _list(resolved.places, form)
        return 0
    if name is None:
        raise UsageError(f"keys {action} needs a name (plumbline keys {action} NAME)")
    with session(resolved, create=True, by=by) as asked:
        if action is Action.REMOVE:
            asked.ask(RemoveSenderKey(name))
            return 0
        key = asked.ask(AddSenderKey(name))
    if form is Form.JSON:
        show.print_json({"name": name, "key": key})
    else:
        print(key)
        show.note("This is the only time the key is shown. Send it as `authorization: Bearer KEY` or `x-api-key: KEY`.")
    return 0


def _of_this_directory(by: str | None, api: str | None) -> None:
    """The list is read from the file, not asked of an agent: what would choose one or a person has no place there."""
    for option, given in (("--by", by), ("--api", api)):
        if given is not None:
            raise UsageError(
                f"keys list takes no {option}: it reads the keys of a data directory (give --data-dir DIR)"
            )


def _list(places: Places, form: Form) -> None:
    keys = read_keys(places.keys)
    if form is Form.JSON:
        show.print_json([{"name": key.name, "scope": key.scope, "created": key.created.isoformat()} for key in keys])
    else:
        show.print_table(["name", "scope", "created"], [[key.name, key.scope, key.created] for key in keys])
