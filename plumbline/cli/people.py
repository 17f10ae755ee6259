"""`plumbline people`: who may ask the agent, and in which role."""

from __future__ import annotations

import getpass
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from monitor.errors import UsageError
from plumbline.api.people_questions import AddKey, AddPerson, People, RevokePerson, Role, SetPassword, SignPersonOut
from plumbline.api.question import Scope
from plumbline.cli import show
from plumbline.cli.lists import print_list
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("name", "role", "apps", "password", "sessions", "added_at", "revoked_at")


class Action(StrEnum):
    """What to do with people."""

    ADD = "add"
    LIST = "list"
    REVOKE = "revoke"
    PASSWORD = "password"  # noqa: S105 - the name of an action
    SIGN_OUT = "sign-out"
    KEY = "key"


def run(
    action: Annotated[
        Action,
        typer.Argument(help="add NAME --role ROLE, list, revoke NAME, key NAME, password NAME, or sign-out NAME."),
    ],
    name: Annotated[str | None, typer.Argument(help="Who it is.")] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="viewer, reviewer, operator, policy owner or admin.")
    ] = None,
    app: Annotated[
        list[str] | None, typer.Option("--app", help="Texts of this application only; may be given more than once.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A new key may do this only: read, review, operate or admin.")
    ] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Let people ask the agent's api under their own name, list them, and end what one may do.

    A key is printed once, when somebody is added; only a hash of it is kept. It is sent as `authorization: Bearer KEY`,
    or given to this command line in PLUMBLINE_KEY. `key` makes another one, for a program. `password` asks for one twice, or reads a line of standard input; with it
    the person signs in to the dashboard. `sign-out` ends the sessions of a person, `revoke` also every key.
    Whoever is revoked is refused from the next call on.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.LIST:
            print_list(asked.ask(People()), COLUMNS, form)
        elif name is None:
            raise UsageError(f"people {action} needs a name (plumbline people {action} NAME)")
        elif action is Action.ADD:
            _add(asked, name, role, app, form)
        elif action is Action.KEY:
            _tell_key(name, asked.ask(AddKey(name, _scopes(scope))), form)
        elif action is Action.PASSWORD:
            asked.ask(SetPassword(name, _password(name)))
        else:
            asked.ask(RevokePerson(name) if action is Action.REVOKE else SignPersonOut(name))
    return 0


def _password(name: str) -> str:
    """Return a new password, which no list of processes shows."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(f"Password of {name}: ")
    if getpass.getpass("Once more: ") != password:
        raise UsageError("the two passwords differ; nothing was changed")
    return password


def _add(asked: Session, name: str, role: str | None, apps: list[str] | None, form: Form) -> None:
    try:
        known: Role = msgspec.convert(role, Role)
    except msgspec.ValidationError:
        raise UsageError("--role is one of viewer, reviewer, operator, 'policy owner' and admin") from None
    _tell_key(name, asked.ask(AddPerson(name, known, None if apps is None else tuple(apps))), form)


def _scopes(given: list[str] | None) -> tuple[Scope, ...] | None:
    try:
        scopes: tuple[Scope, ...] | None = msgspec.convert(given, tuple[Scope, ...] | None)
    except msgspec.ValidationError:
        raise UsageError("--scope is one of read, review, operate and admin") from None
    return scopes


def _tell_key(name: str, key: str, form: Form) -> None:
    if form is Form.JSON:
        show.print_json({"name": name, "key": key})
    else:
        print(key)
        show.note(
            "This is the only time the key is shown. Send it as `authorization: Bearer KEY`, or set PLUMBLINE_KEY."
        )
