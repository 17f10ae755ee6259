"""The side-by-side drift report of one finding, or of two windows that a person chose, drawn by Evidently in a child process.

Evidently and its pandas take seconds and hundreds of megabytes to import; the agent never loads them. Only numbers cross
over: text from traces stays in the store.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from monitor.errors import PluginError
from monitor.store.opening import Store
from monitor.store.report_rows import Stretch, chosen_windows, finding_windows

TIMEOUT_S: Final = 180
BEFORE: Final = timedelta(days=28)
"""How far back the reference reaches; it is capped by rows as well."""


def render_report(store: Store, finding_id: str, folder: Path) -> Path:
    """Return the HTML file for `finding_id`, rendering it unless it is there. Raises `NotFound`, `PluginError`."""
    windows = finding_windows(store, finding_id, BEFORE)
    gone = "the turns before or after the change are no longer kept, so there is nothing to compare"
    return _kept(windows, folder / f"{finding_id}.html", gone)


def render_windows(store: Store, reference: Stretch, current: Stretch, folder: Path) -> Path:
    """Return the HTML file that compares two stretches; one of the same numbers is drawn once. Raises `PluginError`."""
    windows = chosen_windows(store, reference, current)
    digest = hashlib.sha256(json.dumps(windows).encode()).hexdigest()[:24]
    return _kept(
        windows,
        folder / f"windows-{digest}.html",
        "one of the two windows holds no turns, so there is nothing to compare",
    )


def _kept(windows: dict[str, Any], page: Path, nothing: str) -> Path:
    if not page.exists():
        if not all(any(side.values()) for side in windows.values()):
            raise PluginError(nothing)
        page.parent.mkdir(mode=0o700, exist_ok=True)
        _render(windows, page)
    return page


def _render(windows: dict[str, Any], page: Path) -> None:
    with tempfile.TemporaryDirectory(dir=page.parent) as scratch:
        given, drawn = Path(scratch) / "in.json", Path(scratch) / "out.html"
        given.write_text(json.dumps(windows), encoding="utf-8")
        command = [sys.executable, "-m", "monitor.drift.via_evidently", str(given), str(drawn)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise PluginError(
                f"the report took longer than {TIMEOUT_S} s (try again when the machine is quieter)"
            ) from None
        if done.returncode or not drawn.exists():
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise PluginError(f"the report cannot be drawn: {last}")
        drawn.replace(page)
