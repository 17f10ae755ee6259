"""`plumbline alerts`: what is wrong now, and what people do about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from monitor.errors import UsageError
from plumbline.api.alert_questions import AckAlert, Alerts, CloseAlert, SilenceAlert, UnsilenceAlert
from plumbline.api.question import Question
from plumbline.cli import show
from plumbline.cli.lists import print_list
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("title", "severity", "state", "started_at", "acked_by", "silenced_until", "fingerprint")


class Action(StrEnum):
    """What to do with alerts."""

    LIST = "list"
    ACK = "ack"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    CLOSE = "close"


def run(
    action: Annotated[
        Action,
        typer.Argument(help="list, or ack, silence, unsilence, close FINGERPRINT; its first digits suffice."),
    ],
    fingerprint: Annotated[str | None, typer.Argument(help="Which alert.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why: of a silence, or a note on closing.")] = "",
    lasts: Annotated[
        str,
        typer.Option(
            "--for", metavar="DURATION", help="How long a silence lasts (4h); until it is good again if not given."
        ),
    ] = "",
    useful: Annotated[
        bool | None, typer.Option("--useful/--not-useful", help="On closing: whether it was worth its message.")
    ] = None,
    ended: Annotated[bool, typer.Option("--all", help="List alerts that have ended, too.")] = False,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """List alerts, take one up, silence it, hear it again, or close it.

    Taking up ends reminders until the alert gets worse. A silence holds back what is said about an alert, but not its end. What is
    closed while it is bad begins again once it was good, or when it gets worse.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.LIST:
            print_list(asked.ask(Alerts(ended)), COLUMNS, form, "No alert is open.")
            return 0
        if fingerprint is None:
            raise UsageError(f"which alert? plumbline alerts {action} FINGERPRINT (plumbline alerts list names them)")
        done = asked.ask(_question(action, fingerprint, reason, lasts, useful))
    if form is Form.JSON:
        show.print_json(done)
    else:
        print(f"{done['title']}: {done['done']}")
    return 0


def _question(
    action: Action, fingerprint: str, reason: str, lasts: str, useful: bool | None
) -> Question[dict[str, Any]]:
    if action is Action.SILENCE:
        return SilenceAlert(fingerprint, reason, lasts)
    if action is Action.CLOSE:
        return CloseAlert(fingerprint, useful, reason)
    return AckAlert(fingerprint) if action is Action.ACK else UnsilenceAlert(fingerprint)
