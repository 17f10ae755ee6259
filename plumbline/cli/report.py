"""`plumbline report`: two stretches of time side by side, drawn by Evidently."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from plumbline.api.finding_questions import WindowReport
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import parse_instant
from plumbline.cli.typed import Api, By, Config, DataDir


class Which(StrEnum):
    """What to report on."""

    DRIFT = "drift"


def run(
    _: Annotated[Which, typer.Argument(metavar="drift", help="drift: how the numbers of two windows differ.")],
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Where the window begins, such as 2026-03-01.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Where it ends.")],
    against_start: Annotated[str, typer.Option("--against-from", metavar="TIME", help="Where the one before begins.")],
    against_end: Annotated[str, typer.Option("--against-to", metavar="TIME", help="Where that ends.")],
    app: Annotated[str | None, typer.Option("--app", help="Of which application; all, if not given.")] = None,
    segment: Annotated[str, typer.Option("--segment", help="Of which part of it, as COLUMN=VALUE.")] = "all",
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("drift-report.html"),
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Compare two windows column by column in an HTML file. Its verdicts have fixed thresholds; findings have a budget."""
    times = ((start, "--from"), (end, "--to"), (against_start, "--against-from"), (against_end, "--against-to"))
    first, last, before, until = (parse_instant(text, option) for text, option in times)
    asked_for = WindowReport(first, last, before, until, app, segment)
    asked_for.check()
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        out.write_text(asked.ask(asked_for), encoding="utf-8")
    print(out)
    return 0
