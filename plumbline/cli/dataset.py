"""`plumbline dataset`: what was graded as evaluation cases, one JSON line each, or as an example of a policy."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import UsageError
from plumbline.api.dataset_questions import AsExample, DatasetCases
from plumbline.cli import show
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import until_now
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


class Action(StrEnum):
    """What to make."""

    EXPORT = "export"
    EXAMPLE = "example"


class Said(StrEnum):
    """What an example is."""

    VIOLATES = "violates"
    COMPLIES = "complies"
    BORDERLINE = "borderline"


def run(
    action: Annotated[Action, typer.Argument(help="export, or example TRACE.")],
    trace: Annotated[str | None, typer.Argument(metavar="TRACE", help="The turn that becomes an example.")] = None,
    rule: Annotated[str, typer.Option("--rule", metavar="ID", help="Of which rule.")] = "",
    verdicts: Annotated[
        str, typer.Option("--verdicts", metavar="NAMES", help="Export: those with these verdicts.")
    ] = "violates,complies",
    last: Annotated[str, typer.Option("--last", metavar="DURATION", help="Export: of how much traffic.")] = "30d",
    most: Annotated[int, typer.Option("--most", min=1, help="Export: at most so many, the newest.")] = 1000,
    label: Annotated[Said, typer.Option("--label", help="Example: what it is.")] = Said.VIOLATES,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Make data sets out of what was graded.

    export prints one JSON line a case: texts with what stood around them, the verdict that stands, whether a person or a machine
    decided it, and where it comes from. example prints the change to the file of the policy that makes a turn one more example
    of a rule, ready for review (git apply): a file whose graders contradict the label is refused. Texts are redacted once more.
    """
    if not rule:
        raise UsageError("dataset needs a rule (--rule ID; plumbline policy show lists them)")
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as agent:
        if action is Action.EXPORT:
            return _export(agent, rule, verdicts, last, most)
        if trace is None:
            raise UsageError("dataset example needs the id of a turn (plumbline dataset example TRACE --rule ID)")
        told = agent.ask(AsExample(trace, rule, label.value))
        if form is Form.JSON:
            show.print_json(told)
        else:
            print(show.harmless(told["diff"]), end="")
    return 0


def _export(agent: Session, rule: str, verdicts: str, last: str, most: int) -> int:
    for case in agent.ask(DatasetCases(rule, *until_now(last), verdicts, most)):
        print(json.dumps(case, ensure_ascii=True))
    return 0
