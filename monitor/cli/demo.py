"""`plumbline demo`: two weeks of a made-up support assistant, through the real OTLP door."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import show
from monitor.cli.lazy import load
from monitor.cli.progress import bar
from monitor.cli.session import session
from monitor.cli.settings import Given, Resolved, resolve
from monitor.cli.typed import Api, Config, Dashboard, DataDir, OtlpHttp
from monitor.errors import Unreachable
from monitor.places import read_run


def run(
    seed: Annotated[int, typer.Option("--seed", help="Another seed tells another two weeks.")] = 20260101,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long the two weeks take.")] = 120,
    remove: Annotated[bool, typer.Option("--remove", help="Erase everything the demo has made.")] = False,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing when anything is stored.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
    otlp_http: OtlpHttp = None,
    api: Api = None,
    dashboard: Dashboard = None,
) -> int:
    """Play the demo into a running collector, or remove it. Everything it makes is labelled as demo."""
    resolved = resolve(Given(config, data_dir, otlp_http, api, dashboard), Path.cwd())
    if remove:
        return _remove(resolved)
    if if_empty and not _is_empty(resolved):
        return 0
    return _play(resolved, seed, seconds)


def _remove(resolved: Resolved) -> int:
    with session(resolved) as asked:
        counts = asked.erase_app(load("monitor.demo:APP"))
    print(f"removed {sum(counts.values())} rows of the demo")
    return 0


def _is_empty(resolved: Resolved) -> bool:
    with session(resolved) as asked:
        answer = asked.sql("SELECT count(*) FROM (SELECT 1 FROM spans LIMIT 1)", 1)
    return answer["rows"][0][0] == 0
