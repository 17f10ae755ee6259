"""`plumbline erasures`: traces that somebody asks to have erased, and what an admin says to that."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from monitor.errors import UsageError
from plumbline.api.erasure_questions import AskErasure, ErasureRequests, GrantErasure, RefuseErasure
from plumbline.cli import show
from plumbline.cli.lists import print_list
from plumbline.cli.progress import bar
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("number", "trace_id", "apps", "reason", "asked_by", "asked_at", "outcome", "ended_by", "why")


class Action(StrEnum):
    """What to do with requests to erase."""

    LIST = "list"
    ASK = "ask"
    GRANT = "grant"
    REFUSE = "refuse"


def run(
    action: Annotated[Action, typer.Argument(help="list, ask TRACE, grant NUMBER, or refuse NUMBER.")],
    which: Annotated[
        str | None, typer.Argument(metavar="[TRACE|NUMBER]", help="Which trace, or which request.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why it must go, or why it stays.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without being asked.")] = False,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Ask that a trace be erased, list what is asked for, and as an admin erase it for good or refuse.

    Nothing is erased before an admin grants it; then it goes from every file, as by `plumbline erase --trace`.
    """
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    if action is Action.GRANT and not yes:
        _sure(_number(action, which))
    with session(resolved, by=by) as asked:
        if action is Action.LIST:
            print_list(asked.ask(ErasureRequests()), COLUMNS, form)
        elif action is Action.ASK:
            told = asked.ask(AskErasure(_trace(which), _reason(action, reason)))
            _say(
                told,
                form,
                f"request {told['number']} {'waits' if told['new'] else 'was made before and waits'} for an admin",
            )
        elif action is Action.GRANT:
            _grant(asked, _number(action, which), form)
        else:
            number = _number(action, which)
            _say(
                asked.ask(RefuseErasure(number, _reason(action, reason))),
                form,
                f"request {number} is refused; the trace stays",
            )
    return 0


def _grant(asked: Session, number: int, form: Form) -> None:
    with bar("erasing") as progress:
        told = asked.ask(GrantErasure(number), progress)
    _say(told, form, f"erased; {sum(told['removed'].values()):,} rows are gone from every file")


def _sure(number: int) -> None:
    if not sys.stdin.isatty():
        raise UsageError("erasures grant cannot ask here (give --yes to erase without being asked)")
    if not typer.confirm(f"Erase the trace of request {number}? It cannot be undone."):
        raise KeyboardInterrupt


def _trace(given: str | None) -> str:
    if given is None:
        raise UsageError("erasures ask needs a trace (plumbline erasures ask TRACE --reason WHY)")
    return given.lower()


def _number(action: Action, given: str | None) -> int:
    if given is None or not (given.isascii() and given.isdigit()):
        raise UsageError(f"erasures {action} needs the number of a request (see `plumbline erasures list`)")
    return int(given)


def _reason(action: Action, given: str | None) -> str:
    if given is None:
        raise UsageError(f"erasures {action} needs --reason (whoever reads the list later wants to know why)")
    return given


def _say(told: dict[str, Any], form: Form, sentence: str) -> None:
    show.print_json(told) if form is Form.JSON else print(sentence)
