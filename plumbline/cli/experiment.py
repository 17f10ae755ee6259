"""`plumbline experiment`: how long an experiment will take, before it starts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plumbline.api.experiment_questions import ExperimentPlan
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir


class Action(StrEnum):
    """What to do."""

    PLAN = "plan"


def run(
    _: Annotated[Action, typer.Argument(metavar="plan", help="plan: days and users until a difference is told.")],
    metric: Annotated[
        str, typer.Argument(help="As in comparisons: rule:ID, score:NAME, error, duration_ms, cost_usd ...")
    ],
    app: Annotated[str, typer.Option("--app", help="Of which application.")],
    smallest: Annotated[
        float, typer.Option("--smallest", help="The smallest difference that matters, in the metric: 0.05 is 5 points.")
    ],
    arms: Annotated[int, typer.Option("--arms", help="Control included.")] = 2,
    share: Annotated[float, typer.Option("--share", help="Which part of the traffic is in it.")] = 1.0,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Tell how many days and users it takes, from what users did in the last four weeks. Their own past shortens it further."""
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        print(asked.ask(ExperimentPlan(app, metric, smallest, arms, share))["sentence"])
    return 0
