"""The command line as a user runs it: a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    error: str


def plumbline(*arguments: str | Path, cwd: Path, given: str = "", **environment: str) -> Ran:
    """Run `plumbline ARGUMENTS` in `cwd` and return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "plumbline.cli.main", *map(str, arguments)],
        cwd=cwd,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "dumb", **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)
