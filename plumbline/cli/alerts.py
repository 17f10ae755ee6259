"""`plumbline alerts`: what is wrong now, and what people do about it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from monitor.errors import UsageError
from plumbline.api.alert_questions import (
    AckAlert,
    Alerts,
    AssignAlert,
    CloseAlert,
    CommentAlert,
    SilenceAlert,
    SilenceAlerts,
    SnoozeAlert,
    UnsilenceAlert,
    UnsilenceAlerts,
    WouldSilence,
)
from plumbline.api.question import Question
from plumbline.api.questions import Sql
from plumbline.cli import show
from plumbline.cli.lists import print_list, rows_of
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = (
    "title",
    "severity",
    "state",
    "started_at",
    "acked_by",
    "assigned_to",
    "silenced_until",
    "fingerprint",
)
WORTH: Final = ("title", "n_alerts", "n_useful", "n_not_useful", "false_rate", "low", "high", "rule_id")
SILENCED: Final = ("fingerprint", "person", "reason", "began_at", "until")
RUNNING: Final = f"SELECT {', '.join(SILENCED)} FROM silences WHERE ended_at IS NULL AND (until IS NULL OR until > now() AT TIME ZONE 'UTC')"  # noqa: S608 - our own names
WHERE: Final = (
    "Every alert that fits KEY=VALUE (app=shop, rule=TONE-01, severity=warning) instead of one; may be given again."
)


class Action(StrEnum):
    """What to do with alerts."""

    LIST = "list"
    ACK = "ack"
    ASSIGN = "assign"
    COMMENT = "comment"
    SNOOZE = "snooze"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    SILENCES = "silences"
    CLOSE = "close"
    WORTH = "worth"


def run(
    action: Annotated[
        Action,
        typer.Argument(
            help="list, silences, worth, or FINGERPRINT after ack, assign, comment, snooze, silence, unsilence, close."
        ),
    ],
    fingerprint: Annotated[str | None, typer.Argument(help="Which alert; its first digits suffice.")] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why: of a silence, or a note on closing; the text of a comment.")
    ] = "",
    lasts: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="DURATION",
            help="How long a silence lasts (4h), until it is good again if not given; of snooze, 1h if not given.",
        ),
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="PERSON", help="Of assign: who looks after it.")] = "",
    where: Annotated[list[str] | None, typer.Option("--where", metavar="KEY=VALUE", help=WHERE)] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Of silence: only list what it would hold now.")] = False,
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
    """List alerts, take one up, give it to somebody, comment, snooze, silence it or several, hear them again, close one.

    Taking up ends reminders until the alert gets worse. A silence holds back what is said about an alert, but not its end; what is
    snoozed is said again when the time is over. What is closed while it is bad begins again once it was good, or when it gets worse;
    one that is over can still be called useful or not, and worth lists how often each rule was not.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action in LISTS:
            LISTS[action](asked, form, ended=ended)
            return 0
        if where and action is Action.SILENCE and preview:
            print_list(asked.ask(WouldSilence("\n".join(where))), COLUMNS, form, "No alert that is open fits.")
            return 0
        done = asked.ask(
            _wide(action, where, reason, lasts) if where else _one(action, fingerprint, reason, lasts, to, useful)
        )
    if form is Form.JSON:
        show.print_json(done)
    else:
        print(": ".join(done[name] for name in ("title", "done") if name in done))
    return 0


def _list(asked: Session, form: Form, *, ended: bool) -> None:
    print_list(asked.ask(Alerts(ended)), COLUMNS, form, "No alert is open.")


def _silences(asked: Session, form: Form, *, ended: bool) -> None:
    text = f"SELECT {', '.join(SILENCED)} FROM silences" if ended else RUNNING  # noqa: S608 - our own names
    print_list(rows_of(asked.ask(Sql(text))), SILENCED, form, "Nothing is silenced.")


def _worth(asked: Session, form: Form, *, ended: bool) -> None:  # noqa: ARG001 - one signature for every list
    print_list(rows_of(asked.ask(Sql("SELECT * FROM alert_worth"))), WORTH, form, "There was no alert yet.")


LISTS: Final = {Action.LIST: _list, Action.SILENCES: _silences, Action.WORTH: _worth}


def _wide(action: Action, where: list[str], reason: str, lasts: str) -> Question[dict[str, Any]]:
    if action is Action.SILENCE:
        return SilenceAlerts("\n".join(where), reason, lasts)
    if action is Action.UNSILENCE:
        return UnsilenceAlerts("\n".join(where))
    raise UsageError("--where goes with silence and unsilence only")


def _one(
    action: Action, fingerprint: str | None, reason: str, lasts: str, to: str, useful: bool | None
) -> Question[dict[str, Any]]:
    if fingerprint is None:
        raise UsageError(f"which alert? plumbline alerts {action} FINGERPRINT (plumbline alerts list names them)")
    made: dict[Action, Question[dict[str, Any]]] = {
        Action.ACK: AckAlert(fingerprint),
        Action.ASSIGN: AssignAlert(fingerprint, to),
        Action.COMMENT: CommentAlert(fingerprint, reason),
        Action.SNOOZE: SnoozeAlert(fingerprint, lasts or "1h"),
        Action.SILENCE: SilenceAlert(fingerprint, reason, lasts),
        Action.UNSILENCE: UnsilenceAlert(fingerprint),
        Action.CLOSE: CloseAlert(fingerprint, useful, reason),
    }
    return made[action]
