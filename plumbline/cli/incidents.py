"""`plumbline incidents`: what people have to answer for, from the alert to what was learnt."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from monitor.errors import UsageError
from monitor.wording import minute
from plumbline.api.incident_questions import (
    CloseIncident,
    ExportIncident,
    Incident,
    Incidents,
    NoteIncident,
    OpenIncident,
)
from plumbline.cli import show
from plumbline.cli.lists import print_list
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("number", "title", "status", "severity", "owner", "opened_at", "n_users")
NONE: Final = "No incident yet (plumbline incidents open FINGERPRINT)."


class Action(StrEnum):
    """What to do with incidents."""

    OPEN = "open"
    LIST = "list"
    SHOW = "show"
    NOTE = "note"
    TASK = "task"
    DONE = "done"
    CLOSE = "close"
    EXPORT = "export"


WRITTEN: Final[dict[Action, Literal["note", "task", "done"]]] = {
    Action.NOTE: "note",
    Action.TASK: "task",
    Action.DONE: "done",
}


def run(
    action: Annotated[
        Action,
        typer.Argument(help="list, open FINGERPRINT, or show, note, task, done, close, export NUMBER."),
    ],
    subject: Annotated[str, typer.Argument(help="The fingerprint of an alert, or the number of an incident.")] = "",
    title: Annotated[str, typer.Option("--title", help="What it is called; the sentence of the alert.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")] = "",
    playbook: Annotated[str, typer.Option("--playbook", help="Which playbook: a name or an address.")] = "",
    weighed: Annotated[str, typer.Option("--weighed", help="Harm, reach, reversibility, 1 to 3 each: 3,2,1.")] = "",
    text: Annotated[str, typer.Option("--text", help="Of a note, a task, or what was done.")] = "",
    review: Annotated[str, typer.Option("--review", help="On closing: what was learnt.")] = "",
    out: Annotated[Path, typer.Option("--out", help="Folder for the files of an export.")] = Path(),
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Open an incident about an alert, follow it, close it with what was learnt, and export it as JSON and Markdown with hashes.

    Opening puts the example traces on hold as evidence. Nothing is filed with anybody.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.LIST:
            print_list(asked.ask(Incidents()), COLUMNS, form, NONE)
            return 0
        if action is Action.OPEN:
            if not subject:
                raise UsageError("which alert? plumbline incidents open FINGERPRINT (plumbline alerts list names them)")
            _done(asked.ask(OpenIncident(subject, title, owner, playbook, weighed)), form)
            return 0
        number = _number(subject, action)
        if action is Action.SHOW:
            _show(asked.ask(Incident(number)), form)
        elif action is Action.EXPORT:
            _write(asked.ask(ExportIncident(number)), out)
        elif action is Action.CLOSE:
            _done(asked.ask(CloseIncident(number, review)), form)
        else:
            _done(asked.ask(NoteIncident(number, text, WRITTEN[action])), form)
    return 0


def _number(subject: str, action: Action) -> int:
    if not (subject.isascii() and subject.isdigit() and len(subject) < 10):
        raise UsageError(f"which incident? plumbline incidents {action} NUMBER (plumbline incidents list names them)")
    return int(subject)


def _done(told: dict[str, Any], form: Form) -> None:
    if form is Form.JSON:
        show.print_json(told)
    else:
        print(told["done"])


def _show(told: dict[str, Any], form: Form) -> None:
    if form is Form.JSON:
        show.print_json(told)
        return
    names = ("title", "status", "severity", "owner", "playbook", "n_users", "n_turns", "review")
    show.print_pairs({name: told[name] for name in names})
    print()
    show.print_table(
        ["at", "who", "what"], [[minute(step["at"]), step["who"], step["what"]] for step in told["timeline"]]
    )


def _write(files: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    show.note(f"Written to {folder}: {', '.join(files)} (sha256sum -c SHA256SUMS checks them).")
