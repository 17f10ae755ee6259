"""`plumbline audit`: who did what, and whether that record was touched."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plumbline.api.people_questions import Audit, VerifyAudit
from plumbline.cli import show
from plumbline.cli.lists import rows_of
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, DataDir, Form, Format


class Action(StrEnum):
    """What to do with the audit."""

    VERIFY = "verify"
    LIST = "list"


def run(
    action: Annotated[Action, typer.Argument(help="verify the chain, or list every act.")],
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Show every act that changed something, or verify that no row was changed, dropped or moved (exit code 1 if so).

    Note the hash of the last act elsewhere now and then: whoever holds both the key of the installation and the file
    could write a whole new chain.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd())) as asked:
        return _verify(asked, form) if action is Action.VERIFY else _list(asked, form)


def _verify(asked: Session, form: Form) -> int:
    told = asked.ask(VerifyAudit())
    if form is Form.JSON:
        show.print_json(told)
    elif told["problems"]:
        print("\n".join(show.harmless(problem) for problem in told["problems"]))
    else:
        print(f"the chain holds: {told['acts']} acts, the last with hash {told['last'] or 'none'}")
    return 1 if told["problems"] else 0


def _list(asked: Session, form: Form) -> int:
    told = asked.ask(Audit())
    if form is Form.JSON:
        show.print_json(rows_of(told))
    else:
        show.print_table(told["columns"], told["rows"])
    return 0
