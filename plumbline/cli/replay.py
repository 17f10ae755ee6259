"""`plumbline replay`: the cycle over stored history, in virtual time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.config.durations import show_duration
from monitor.drift.finding_sentences import sentence_of
from monitor.errors import UsageError
from plumbline.api.questions import Replay
from plumbline.cli import show
from plumbline.cli.progress import bar
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import parse_instant, parse_span
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


def run(
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Where history starts, such as 2026-03-01.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Where it ends.")],
    step: Annotated[str, typer.Option("--step", metavar="DURATION", help="Time between two cycles.")] = "1h",
    notify: Annotated[bool, typer.Option("--notify", help="Really send what the alerts say.")] = False,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Tell what Plumbline would have told over a stretch of history. Repeating it changes nothing; nobody is notified."""
    first, last = parse_instant(start, "--from"), parse_instant(end, "--to")
    if first >= last:
        raise UsageError(f"--from {start} must lie before --to {end}")
    between = _step(step)
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    with session(resolved, by=by) as asked, bar("replay") as progress:
        result = asked.ask(Replay(first, last, show_duration(between), notify), progress)
    if form is Form.JSON:
        show.print_json(result)
    else:
        _print(result)
    return 0


def _step(text: str) -> timedelta:
    step = parse_span(text, "--step")
    if step < timedelta(seconds=1):
        raise UsageError("--step must be at least 1s")
    return step


def _print(result: dict[str, Any]) -> None:
    """Lists of records become tables, the rest one line each; of findings what people read (`--format json` holds all)."""
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"\n{name}")
            records = [_finding(record) for record in value] if name == "findings" else value
            show.print_table(list(records[0]), [list(record.values()) for record in records])
        else:
            show.print_pairs({name: "none" if value == [] else value})


def _finding(record: dict[str, Any]) -> dict[str, Any]:
    """What changed, since when and why, before how we know."""
    changed, cause = sentence_of(str(record["reason"])), record["cause"]
    return {"noticed": record["detected_at"], "what changed": changed, "likely cause": cause, "state": record["state"]}
