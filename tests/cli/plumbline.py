"""The command line as a user runs it: a process of its own (how it is begun: `tests/support/forks.py`)."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from plumbline.cli.main import main
from tests.support.forks import ROOT, Streams, forked

__all__ = ["ROOT", "Ran", "plumbline"]

PATIENCE_S = 120


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    error: str


def plumbline(*arguments: str | Path, cwd: Path, given: str = "", **environment: str) -> Ran:
    """Run `plumbline ARGUMENTS` in `cwd` and return its exit code and what it printed."""
    surroundings = {"COLUMNS": "100", "TERM": "dumb", **environment}
    with tempfile.TemporaryDirectory() as folder:
        given_to, out, error = (Path(folder) / name for name in ("given", "out", "error"))
        given_to.write_text(given)
        streams = Streams(str(given_to), str(out), str(error))
        child = forked(main, ["plumbline", *map(str, arguments)], streams, cwd=cwd, environment=surroundings)
        try:
            code = child.wait(PATIENCE_S)
        finally:
            child.kill()
        return Ran(code, out.read_text(), error.read_text())
