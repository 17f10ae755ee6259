"""Is it really gone? What the bytes of a folder and SQL still hold, and a process that is killed in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from monitor.store.opening import Store
from tests.cli.plumbline import ROOT


def holding(folder: Path, text: str) -> list[str]:
    """Files below `folder` whose bytes hold `text`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(folder)) for path in files if text.encode() in path.read_bytes())


def told_by_sql(store: Store, text: str) -> list[str]:
    """Tables and columns in which SQL still finds `text`: bytes of a database may be compressed."""
    columns = store.read(
        "SELECT table_name AS t, column_name AS c FROM information_schema.columns "
        "WHERE table_schema = 'base' AND data_type = 'VARCHAR'"
    ).to_pylist()
    return [
        f"{at['t']}.{at['c']}"
        for at in columns
        if store.read(f"SELECT 1 AS n FROM base.{at['t']} WHERE contains({at['c']}, '{text}')").num_rows
    ]


def killed_while(code: str, *arguments: str, after_s: float) -> None:
    """Run Python `code`, which says "open" when it begins, and kill it about `after_s` seconds later."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    time.sleep(after_s * random.uniform(0.5, 1.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
