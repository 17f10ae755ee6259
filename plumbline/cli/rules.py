"""`plumbline rules`: what the alert rules would have said over stored history."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.clock import SystemClock
from monitor.config.durations import show_duration
from monitor.wording import counted, minute
from plumbline.api.questions import Replay
from plumbline.cli import show
from plumbline.cli.progress import bar
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import parse_instant, parse_span
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


class Action(StrEnum):
    """What to do with rules."""

    TEST = "test"


def run(
    action: Annotated[Action, typer.Argument(help="test: what would have fired and been sent.")],  # noqa: ARG001 - there is one
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Where history starts; 7 days ago.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Where it ends; now.")] = "",
    step: Annotated[str, typer.Option("--step", metavar="DURATION", help="Time between two looks.")] = "1h",
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Replay stored history under the rules that hold now, and print what would have fired and been sent, to whom and when.

    Nobody is told. The findings of the replay are kept in the store, marked as such, as `plumbline replay` does.
    """
    now = SystemClock().now().replace(second=0, microsecond=0)
    last = parse_instant(end, "--to") if end else now
    first = parse_instant(start, "--from") if start else last - timedelta(days=7)
    with (
        session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked,
        bar("rules test") as progress,
    ):
        told = asked.ask(Replay(first, last, show_duration(parse_span(step, "--step"))), progress)
    said = {name: told[name] for name in ("messages", "held")}
    if form is Form.JSON:
        show.print_json(said)
    else:
        _print(said, first.isoformat(), last.isoformat())
    return 0


def _print(said: dict[str, list[dict[str, Any]]], first: str, last: str) -> None:
    messages, kept = said["messages"], said["held"]
    fired = len({row["fingerprint"] for row in messages if row["kind"] == "firing"})
    print(
        f"{minute(first)} to {minute(last)}: {counted(fired, 'alert')} would have been told, in {counted(len(messages), 'message')}."
    )
    if messages:
        rows = [[minute(row["at"]), row["receiver"], row["kind"], row["title"]] for row in messages]
        show.print_table(["at", "receiver", "kind", "message"], rows)
    if kept:
        print("\nKept back:")
        show.print_table(["at", "alert", "why"], [[minute(row["at"]), row["title"], row["reason"]] for row in kept])
