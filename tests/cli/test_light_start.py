"""What a command loads before it does anything: the start is quick because little is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.places import Places, parse_address, prepare, write_run
from tests.api.fake_agent import TOKEN, FakeAgent, served

HEAVY = {"altair", "apscheduler", "duckdb", "evidently", "grpc", "numpy", "pandas", "polars", "pyarrow", "sqlalchemy"}
SERVING = {"starlette", "streamlit", "uvicorn"}
READING = {"httpx", "typer", "yaml"}

PROBE = """
import json, sys
from plumbline.cli.main import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """The top-level packages in the process once `plumbline ARGUMENTS` has run."""
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


def test_help_loads_nothing_but_its_own_words() -> None:
    assert not loaded("--help") & (HEAVY | SERVING | READING)


class Told(FakeAgent):
    """An agent whose status tells of retention, too."""

    def status(self) -> dict[str, Any]:
        return super().status() | {"retention": {"kept": {}}}


@pytest.mark.parametrize("command", [("status",), ("sql", "SELECT 1")], ids=lambda command: command[0])
def test_a_question_to_a_running_agent_does_not_open_the_store(tmp_path: Path, command: tuple[str, ...]) -> None:
    with served(Told(tmp_path)) as url:
        (tmp_path / "token").write_text(TOKEN)
        from_here = ["--data-dir", str(tmp_path)]
        announce(tmp_path, url)
        assert not loaded(*command, *from_here) & (HEAVY | SERVING)


def announce(root: Path, url: str) -> None:
    """Say that an agent, this very process, answers at `url`."""
    places = Places(root)
    prepare(places)
    write_run(places, "agent", parse_address(url.removeprefix("http://"), "api"), os.getpid())


def test_an_agent_at_rest_holds_nothing_that_only_a_report_needs() -> None:
    """An empty Arrow table, made the wrong way, brought pandas with it, and a constant beside an import Apprise: 40 and 10 MB in every agent."""
    code = 'import sys, plumbline.agent; print(*sys.modules, sep="\\n")'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {
        "pandas",
        "evidently",
        "requests",
        "apprise",
        "streamlit",
    }
