"""`plumbline agent`: the agent alone."""

from __future__ import annotations

from pathlib import Path

from plumbline.cli.process import become
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, DataDir


def run(config: Config = None, data_dir: DataDir = None, api: Api = None) -> int:
    """Start the agent alone: store, cycle, alerts and api."""
    become("agent", resolve(Given(config, data_dir, api=api), Path.cwd()))
