"""`plumbline label`: what a person says of one answer under one rule."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import Review
from plumbline.cli import show
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


class Said(StrEnum):
    """What a person says."""

    VIOLATES = "violates"
    COMPLIES = "complies"
    BORDERLINE = "borderline"
    CANNOT_JUDGE = "cannot_judge"


def run(
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="The trace_id of a turn.")],
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule in force for its application.")],
    verdict: Annotated[Said, typer.Argument(metavar="VERDICT", help="violates, complies, borderline or cannot_judge.")],
    note: Annotated[str | None, typer.Option("--note", help="Why.")] = None,
    corrected: Annotated[str | None, typer.Option("--corrected", help="What the answer should have been.")] = None,
    review: Annotated[str | None, typer.Option("--review", metavar="ID", help="The review it is given in.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Say what an answer is under a rule. Within a review the label counts with the probability by which the answer was drawn."""
    said = {"unit_id": unit, "rule_id": rule, "verdict": str(verdict)}
    given = {"note": note, "corrected": corrected, "review_id": review}
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if review is not None:
            asked.ask(Review(review))
        told = asked.ask(AddLabels([said | {name: value for name, value in given.items() if value is not None}]))
    if form is Form.JSON:
        show.print_json(told)
    else:
        print("known already" if told["known"] else "kept")
    return 0
