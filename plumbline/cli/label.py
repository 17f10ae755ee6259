"""`plumbline label`: what a person says of one answer under one rule."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.errors import UsageError
from monitor.labels import MOST
from plumbline.api.label_questions import AddLabels
from plumbline.api.review_questions import Review
from plumbline.cli import show
from plumbline.cli.label_files import read_label_file
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
    unit: Annotated[str | None, typer.Argument(metavar="UNIT", help="The trace_id of a turn.")] = None,
    rule: Annotated[str | None, typer.Argument(metavar="RULE", help="A rule in force for its application.")] = None,
    verdict: Annotated[
        Said | None, typer.Argument(metavar="VERDICT", help="violates, complies, borderline or cannot_judge.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Many labels at once: CSV or JSON lines.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", help="Why.")] = None,
    corrected: Annotated[str | None, typer.Option("--corrected", help="What the answer should have been.")] = None,
    review: Annotated[str | None, typer.Option("--review", metavar="ID", help="The review it is given in.")] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Say what an answer is under a rule. Within a review the label counts with the probability by which the answer was drawn.

    With --from, labels come from a file: what `plumbline sql "SELECT * FROM labels" --format csv` prints, or an export of Label Studio
    or Argilla; --review says in which review all of them are given.
    """
    given = _one(unit, rule, verdict, file, {"note": note, "corrected": corrected})
    if review is not None:
        given = [label | {"review_id": review} for label in given]
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if review is not None:
            asked.ask(Review(review))
        told = [asked.ask(AddLabels(given[start : start + MOST])) for start in range(0, len(given), MOST)]
    new, known = (sum(part[name] for part in told) for name in ("new", "known"))
    if form is Form.JSON:
        show.print_json({"new": new, "known": known})
    elif file is None:
        print("known already" if known else "kept")
    else:
        print(f"{new} labels kept, {known} known already")
    return 0


def _one(
    unit: str | None, rule: str | None, verdict: Said | None, file: Path | None, more: dict[str, str | None]
) -> list[dict[str, Any]]:
    """The labels that were given on the command line, or in a file."""
    if file is not None:
        if unit is not None:
            raise UsageError("label takes UNIT RULE VERDICT or --from FILE, not both")
        return read_label_file(file)
    if unit is None or rule is None or verdict is None:
        raise UsageError("label needs UNIT RULE VERDICT, or --from FILE (see `plumbline label --help`)")
    said = {"unit_id": unit, "rule_id": rule, "verdict": str(verdict)}
    return [said | {name: text for name, text in more.items() if text is not None}]
