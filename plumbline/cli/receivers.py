"""`plumbline receivers`: who can be told, and whether a message really reaches them."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from alerts.channels import Channel, Means, Timeline
from alerts.channels.registered import build_channels
from alerts.checks import load_rules
from alerts.message import ChangeNote, Message
from alerts.rules import OWN, Rulebook
from monitor.clock import SystemClock
from monitor.errors import NotFound, RetryLater, Undeliverable
from monitor.outgoing import Guard
from plumbline.cli import show
from plumbline.cli.ending import fail
from plumbline.cli.settings import Given, Resolved, resolve
from plumbline.cli.typed import Config, DataDir, Form, Format


class Action(StrEnum):
    """What to do with receivers."""

    LIST = "list"
    TEST = "test"


TEST: Final = f"{OWN}test"
"""The rule and the fingerprint that a test names, so that a pager opens and closes one page of its own."""


def run(
    action: Annotated[Action, typer.Argument(help="list, or test NAME.")],
    name: Annotated[str | None, typer.Argument(help="Which receiver.")] = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
) -> int:
    """List the receivers of the rule file, or send one of them a test that begins and ends.

    The test leaves from this machine as alerts do, says that it is one, and pages for a moment where the receiver is a pager. Exit
    code 1: the receiver did not take it, and the line says why.
    """
    resolved = resolve(Given(config, data_dir), Path.cwd())
    book = load_rules(Path(resolved.settings.alerts) if resolved.settings.alerts else None)
    if action is Action.TEST:
        return _test(resolved, book, name)
    _list(book, form)
    return 0


def _list(book: Rulebook, form: Form) -> None:
    rows = [{"name": receiver.name, "kind": receiver.__struct_config__.tag} for receiver in book.receivers]
    if form is Form.JSON:
        show.print_json(rows)
    else:
        show.print_table(["name", "kind"], [list(row.values()) for row in rows])


def _test(resolved: Resolved, book: Rulebook, name: str | None) -> int:
    clock = SystemClock()
    channel = build_channels(book.receivers, Means(sys.stdout, clock, _guard(resolved))).get(name or "")
    if channel is None:
        raise NotFound(f"{name!r} among the receivers (there are: {', '.join(one.name for one in book.receivers)})")
    now, more = clock.now(), ""
    try:
        for kind in ("firing", "resolved"):
            channel.send(_message(kind, channel.name, now), key=_key(channel, now, kind))
        if isinstance(channel, Timeline) and channel.changes:
            channel.note(_change(now), key=_key(channel, now, "change"))
            more = " It took a change as well."
    except (RetryLater, Undeliverable) as error:
        return fail(f"{channel.name} did not take the test: {error.reason}", 1)
    show.note(f"{channel.name} took the test, and its end.{more}")
    return 0


def _key(channel: Channel, now: datetime, kind: str) -> str:
    return f"{TEST}:{channel.name}:{now:%Y%m%d%H%M%S}:{kind}:1"


def _guard(resolved: Resolved) -> Guard:
    return Guard(proxy=resolved.settings.outgoing.proxy, ca=resolved.settings.outgoing.ca)


def _change(now: datetime) -> ChangeNote:
    what = "a test of Plumbline; nothing was changed"
    return ChangeNote(app="", kind="other", what=what, at=now, source="plumbline receivers test", link="")


def _message(kind: str, receiver: str, now: datetime) -> Message:
    return Message(
        kind=kind,
        fingerprint=TEST,
        rule_id=TEST,
        severity="info",
        category="",
        title="A test of Plumbline" if kind == "firing" else "Resolved: a test of Plumbline",
        measured="",
        value=None,
        low=None,
        high=None,
        n=0,
        since=None,
        started_at=now,
        ended_at=now if kind == "resolved" else None,
        at=now,
        segment="",
        labels={"receiver": receiver},
        examples=(),
        summary="",
        reason="somebody tried whether messages arrive here; nothing is wrong",
        runbook="",
        link="",
    )
