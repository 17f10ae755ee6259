"""`plumbline up`: collector, agent and dashboard under one supervisor."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from plumbline.cli.exposure import check_exposure
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, Dashboard, DataDir, OtlpGrpc, OtlpHttp


def run(
    config: Config = None,
    data_dir: DataDir = None,
    otlp_http: OtlpHttp = None,
    otlp_grpc: OtlpGrpc = None,
    api: Api = None,
    dashboard: Dashboard = None,
    demo_if_empty: Annotated[
        bool, typer.Option("--demo-if-empty", help="Play the demo when nothing is stored yet, then its fire drill.")
    ] = False,
) -> int:
    """Start collector, agent and dashboard, and keep them running until Ctrl-C."""
    resolved = resolve(Given(config, data_dir, otlp_http, api, dashboard, otlp_grpc), Path.cwd())
    check_exposure(resolved)
    python = [sys.executable, "-m"]
    asked = {
        "root": str(resolved.places.root),
        "program": [*python, "plumbline.cli.process"],
        "options": resolved.arguments(),
        "demo": [*python, "plumbline.cli.main", "demo", "--if-empty", "--drill"] if demo_if_empty else None,
        "beside": [*python, "plumbline.demo.stubs.judge"] if demo_if_empty else None,
    }
    # The supervisor takes the place of this process: it needs neither typer nor the config reader.
    os.execv(sys.executable, [*python, "plumbline.supervisor", json.dumps(asked)])  # noqa: S606
