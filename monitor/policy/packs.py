"""Policies to begin with: what holds for almost any assistant, rules to watch in shadow first, and rules that wait for a judge."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from monitor.errors import UsageError

ROOMS: Final = ("starter", "pack")


def packed() -> dict[str, str]:
    """Return the text of each file that ships, by its name."""
    rooms = (files("monitor.policy") / room for room in ROOMS)
    found = {
        path.name: path.read_text(encoding="utf-8")
        for room in rooms
        for path in room.iterdir()
        if path.name.endswith(".yaml")
    }
    return dict(sorted(found.items()))


def unpack(folder: Path) -> list[Path]:
    """Write the files into `folder`, which is made where it lacks. Raises `UsageError`; what is there is never written over."""
    made = {folder / name: text for name, text in packed().items()}
    there = next((path for path in made if path.exists()), None)
    if there is not None:
        raise UsageError(f"{there} is there already (name another folder, or move it away)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
    return list(made)
