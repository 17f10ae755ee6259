"""`plumbline sql`: one read-only SELECT over the views."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from plumbline.api.questions import Sql
from plumbline.cli import show
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, DataDir, SqlForm

STATED_S: Final = 1.0
"""Rows older than this are said to be."""


def run(
    query: Annotated[str, typer.Argument(help="One SELECT; - reads it from stdin.")],
    form: Annotated[SqlForm, typer.Option("--format", help="How rows are printed.")] = SqlForm.TABLE,
    max_rows: Annotated[int, typer.Option("--max-rows", min=1, help="Rows at most.")] = 10_000,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV as it is stored, formulas and control characters too.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Ask the store with one SELECT, read-only: of a running agent, or of a data directory at rest.

    Views: calls, turns, tool_calls, retrievals, spans, scores, samples, grades, labels, estimates, findings, comparisons,
    alerts, notifications, ledger. Times are UTC; NULL is unknown.
    """
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    text = sys.stdin.read() if query == "-" else query
    with session(resolved) as asked:
        answer = asked.ask(Sql(text, max_rows))
    _print(answer, form, raw=raw)
    age = (datetime.now(UTC) - datetime.fromisoformat(answer["as_of"])).total_seconds()
    if age >= STATED_S:
        show.note(f"plumbline: as it was {age:.0f} s ago (queries read a snapshot)")
    if answer["truncated"]:
        show.note(f"plumbline: only the first {max_rows} rows are shown (--max-rows takes more)")
    return 0


def _print(answer: dict[str, Any], form: SqlForm, *, raw: bool) -> None:
    columns, rows = answer["columns"], answer["rows"]
    if form is SqlForm.JSON:
        show.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif form is SqlForm.CSV:
        show.print_csv(columns, rows, raw=raw)
    else:
        show.print_table(columns, rows)
