"""`plumbline dashboard`: the dashboard alone."""

from __future__ import annotations

from pathlib import Path

from plumbline.cli.process import become
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Config, Dashboard, DataDir


def run(config: Config = None, data_dir: DataDir = None, dashboard: Dashboard = None) -> int:
    """Start the dashboard alone: pages over the api of a running agent."""
    become("dashboard", resolve(Given(config, data_dir, dashboard=dashboard), Path.cwd()))
