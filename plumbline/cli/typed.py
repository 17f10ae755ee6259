"""typer around one command: options from the annotations of a function, usage errors as ours."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer.exceptions import TyperException

from monitor.errors import UsageError

Config: TypeAlias = Annotated[
    Path | None, typer.Option("--config", help="Config file; plumbline.yaml of this folder where not given.")
]
DataDir: TypeAlias = Annotated[Path | None, typer.Option("--data-dir", help="Where everything is kept.")]
OtlpHttp: TypeAlias = Annotated[
    str | None, typer.Option("--otlp-http", metavar="HOST:PORT", help="Where OTLP/HTTP comes in.")
]
OtlpGrpc: TypeAlias = Annotated[
    str | None, typer.Option("--otlp-grpc", metavar="HOST:PORT", help="Where OTLP/gRPC comes in.")
]
Api: TypeAlias = Annotated[str | None, typer.Option("--api", metavar="HOST:PORT", help="Where the agent answers.")]
Dashboard: TypeAlias = Annotated[
    str | None, typer.Option("--dashboard", metavar="HOST:PORT", help="Where the dashboard is served.")
]

By: TypeAlias = Annotated[
    str | None, typer.Option("--by", metavar="PERSON", help="For whom you do this; both of you are on record.")
]


class Form(StrEnum):
    """How a read is printed."""

    TABLE = "table"
    JSON = "json"


class SqlForm(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Format: TypeAlias = Annotated[Form, typer.Option("--format", help="table for people, json for programs.")]


def invoke(name: str, function: Callable[..., Any], arguments: list[str]) -> int:
    """Run `function` on the command line `arguments` of command `name`. A wrong one is a `UsageError`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(function)
    try:
        code = app(args=arguments, prog_name=f"plumbline {name}", standalone_mode=False)
    except TyperException as error:
        raise UsageError(f"{error.format_message()} (see `plumbline {name} --help`)") from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    return int(code or 0)
